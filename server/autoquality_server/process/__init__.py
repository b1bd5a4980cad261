"""One process from start to exit status, and the supervisor of several."""
