"""The command line. Unlike the rest of the package, it needs click and rich."""
