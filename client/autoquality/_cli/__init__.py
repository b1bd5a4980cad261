"""The command line; needs click and rich, which the rest of the package does not."""
