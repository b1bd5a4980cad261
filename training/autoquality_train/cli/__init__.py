"""The command `autoquality-train`: one module a subcommand."""
