"""The command line: `autoquality` or `python -m autoquality`. It needs the extra [cli]."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line. Without its libraries, print how to install them."""
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
    """Keep this program's standard error, and discard the libraries' direct writes to it.

    gRPC logs a server's GOAWAY unescaped, with line breaks and control characters. The program
    reports the errors that matter: they are exceptions.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)
    sys.stderr = os.fdopen(stderr, "w", buffering=1, errors="backslashreplace")


if __name__ == "__main__":
    main()
