"""The command line, `autoquality` or `python -m autoquality`; needs the extra [cli]."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; without its libraries, tell how to get them."""
    try:
        from autoquality._cli.main import cli
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("click", "rich"):
            raise
        sys.exit("autoquality: the command line needs its extra: pip install 'autoquality[cli]'")
    cli(prog_name="autoquality")


if __name__ == "__main__":
    main()
