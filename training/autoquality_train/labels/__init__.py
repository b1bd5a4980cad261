"""The labels: size and scores of samples at every quality."""
