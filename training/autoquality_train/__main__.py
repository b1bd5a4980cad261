"""The command line, `autoquality-train` or `python -m autoquality_train`: the extra [train]."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line. Without its libraries, say how to install them."""
    try:
        from autoquality_train.cli.main import cli

        # As after Ctrl-C, temporary files are removed and worker processes end.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        cli(prog_name="autoquality-train")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if not missing or missing.startswith("autoquality"):
            raise
        sys.exit(f"autoquality-train: {missing} is missing: pip install 'autoquality[train]'")


if __name__ == "__main__":
    main()
