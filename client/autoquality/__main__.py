"""The command line, `autoquality` or `python -m autoquality`; needs the extra [cli]."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line; without its libraries, tell how to get them."""
    if "GRPC_VERBOSITY" not in os.environ:
        _separate_stderr()
    try:
        from autoquality._cli.main import cli
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("click", "rich"):
            raise
        sys.exit("autoquality: the command line needs its extra: pip install 'autoquality[cli]'")
    cli(prog_name="autoquality")


def _separate_stderr() -> None:
    """Keep this program's standard error, and discard what libraries write there by themselves.

    gRPC quotes a server's GOAWAY as it came, with line breaks and control characters. The
    errors that matter are exceptions, which this program reports.
    """
    sys.stderr.flush()
    ours = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    sys.stderr = os.fdopen(ours, "w", buffering=1, errors="backslashreplace")


if __name__ == "__main__":
    main()
