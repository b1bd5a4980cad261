"""The metrics: how different two images look. One folder each."""
