"""Stores a digest of every answer of a server, or compares it with stored ones.

Encodes the images in FOLDER and small ones of many kinds by every method, format and
option. The server has its default settings, so the same code gives the same answers
on the same machine: each difference is a change of behaviour. Ends with 1 if there
is any, or if a streamed answer differs from the unary one.

    python -m bench.digests photos/ --out before.gz
    python -m bench.digests photos/ --against before.gz
    python -m bench.digests photos/ --against before.gz --quick
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

from autoquality import Client
from autoquality.v1.encoding_pb2_grpc import EncodingServiceStub
from bench.digests.answers import Service
from bench.digests.cases import Case, cases
from bench.digests.lines import SHARE, Lines, changes, read, sampled, unlike, write
from bench.serving import serving

CALLERS = 1 + (os.cpu_count() or 1)
"""Calls at the same time: one more than the server has workers, so that none is idle."""

SHOWN = 2.0
"""Seconds between two lines of progress."""


def files_in(folders: Sequence[Path]) -> dict[str, Path]:
    """The files of each folder and of those below it, by name."""
    return {
        f"{folder.resolve().name}/{path.relative_to(folder)}": path
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def answers(todo: Sequence[Case]) -> Lines:
    """Make every call on a server of its own; the answers by key."""
    found: Lines = {}
    start = shown = time.monotonic()
    with (
        serving() as server,
        Client(server.address) as client,
        grpc.insecure_channel(server.address) as channel,
        ThreadPoolExecutor(CALLERS) as pool,
    ):
        service = Service(client, EncodingServiceStub(channel))
        for case, fields in zip(todo, pool.map(lambda one: one.call(service), todo), strict=True):
            found[case.key] = fields
            now = time.monotonic()
            if now - shown > SHOWN or len(found) == len(todo):
                shown = now
                print(f"{len(found)} of {len(todo)} answers, {now - start:.0f} s", file=sys.stderr)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.digests",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="of images")
    parser.add_argument("--out", type=Path, help="where to store the answers; .gz compresses")
    parser.add_argument("--against", type=Path, metavar="FILE", help="stored answers")
    parser.add_argument("--quick", action="store_true", help=f"only one call in {SHARE}")
    args = parser.parse_args()
    if args.out is None and args.against is None:
        parser.error("nothing to do without --out or --against")
    files = files_in(args.folders)
    if not files:
        parser.error("no files in these folders")
    before = {} if args.against is None else read(args.against)
    todo = list(cases(files))
    if args.quick:
        before = {key: fields for key, fields in before.items() if sampled(key)}
        todo = [case for case in todo if sampled(case.key)]
    after = answers(todo)
    if args.out is not None:
        write(after, args.out)
    found = [f"UNLIKE {text}" for text in unlike(after)]
    if args.against is not None:
        found += changes(before, after)
    print("\n".join([*found, f"{len(after)} answers, {len(found)} differences"]))
    fields = Counter(name for text in found for name in re.findall(r"\n    (\w+)", text))
    for name, count in fields.most_common():
        print(f"{count} in {name}")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
