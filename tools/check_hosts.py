"""Fails if a committed file names the host of a package registry.

Users choose the registry: a file that names one fails behind a mirror. The hosts are those in pip's
configuration here, and the public ones. They are written in parts, because this file is searched,
too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PUBLIC = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("proxy", "golang", "org"),
        ("crates", "io"),
    )
]
CARGO_INDEX = f"registry+https://github.com/rust-lang/{PUBLIC[-1]}-index"
"""What Cargo calls the default registry in its lock files, also behind a mirror."""
LOCK_OPTION = re.compile(r"^\s*(-i|-f|--(extra-)?index-url|--find-links)\b|://", re.MULTILINE)


def configured_hosts() -> set[str]:
    """The hosts in pip's configuration and in the variables that override it."""
    settings = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    variables = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS")
    text = "\n".join([settings, *(os.environ.get(name, "") for name in variables)])
    hosts = re.findall(r"https?://(?:[^@/\s]*@)?([^/:'\s]+)", text)
    return {host for host in hosts if host != "localhost" and not host.startswith("127.")}


def tracked_files(root: Path) -> list[Path]:
    """The files that git tracks or would add."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [root / name for name in names.split("\0") if name and (root / name).is_file()]


def offences(root: Path, hosts: set[str]) -> list[str]:
    """One line for each file that names a host, or lock file that names an index."""
    found = []
    for path in tracked_files(root):
        text = path.read_bytes().decode("utf-8", errors="replace")
        if path.name == "Cargo.lock":
            text = text.replace(CARGO_INDEX, "")
        found += [f"{path.relative_to(root)}: {host}" for host in sorted(hosts) if host in text]
        if path.suffix == ".lock" and (match := LOCK_OPTION.search(text)):
            found.append(f"{path.relative_to(root)}: {match.group().strip()}")
    return found


def main() -> int:
    found = offences(ROOT, {*PUBLIC, *configured_hosts()})
    for line in found:
        print(f"names a package registry: {line}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
