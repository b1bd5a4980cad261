"""The settings by subject."""
