"""The commands `health` and `doctor`, which check a server instead of running one."""
