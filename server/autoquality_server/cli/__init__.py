"""The commands that do not serve: `health` and `doctor`."""
