"""Writes generated files, or compares them with `--check`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main(program: str, path: Path, wanted: str, arguments: list[str] | None = None) -> int:
    """Write `wanted` to `path`; with `--check`, return 1 if it differs and write nothing."""
    parser = argparse.ArgumentParser(prog=program)
    parser.add_argument("--check", action="store_true", help="fail if the file is out of date")
    check: bool = parser.parse_args(arguments).check
    if path.is_file() and path.read_text(encoding="utf-8") == wanted:
        return 0
    if check:
        print(f"{path} is out of date: run `{program}`", file=sys.stderr)
        return 1
    path.write_text(wanted, encoding="utf-8")
    print(f"{path}: updated")
    return 0
