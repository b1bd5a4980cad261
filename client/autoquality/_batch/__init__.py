"""Runs over millions of files: `autoquality batch`. It needs fsspec, and a POSIX system."""
