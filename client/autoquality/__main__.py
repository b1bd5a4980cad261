"""The command line: `autoquality` or `python -m autoquality`. It needs the extra [cli]."""

from __future__ import annotations

import io
import os
import sys


def main() -> None:
    """Run the command line. Without its libraries, print how to install them."""
    _open_closed()
    if "GRPC_VERBOSITY" not in os.environ:
        _separate_stderr()
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files can have any character
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        from autoquality._cli.main import cli
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("click", "rich"):
            raise
        sys.exit("autoquality: the command line needs its extra: pip install 'autoquality[cli]'")
    try:
        cli(prog_name="autoquality")
    except OSError as error:
        _discard(1)  # or Python reports it a second time at the exit
        sys.exit(f"autoquality: cannot write to standard output: {error.strerror}")


def _open_closed() -> None:
    """Open the standard streams that the caller closed, or another file would get their numbers.

    Messages are lost then. Reads of standard input and writes to standard output fail.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            usable = os.O_RDONLY if name == "stdout" else os.O_WRONLY
            descriptor = os.open(os.devnull, usable)
            setattr(sys, name, os.fdopen(descriptor, mode, closefd=False))


def _separate_stderr() -> None:
    """Keep this program's standard error, and discard the libraries' direct writes to it.

    gRPC logs a server's GOAWAY unescaped, with line breaks and control characters. The program
    reports the errors that matter: they are exceptions.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    _discard(2)
    sys.stderr = os.fdopen(stderr, "w", buffering=1, errors="backslashreplace")


def _discard(descriptor: int) -> None:
    """Discard what is written to a descriptor from now on."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)


if __name__ == "__main__":
    main()
