"""Writes the tables of MODELS.md from the side files of the bundled networks.

`python tools/model_card.py` rewrites them. With `--check` it changes nothing and
fails if they are out of date.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CARD = ROOT / "MODELS.md"
BUNDLED = ROOT / "core" / "autoquality_core" / "networks" / "bundled"
NAMES = {"jpeg": "JPEG", "webp": "WebP", "avif": "AVIF"}
GROUPS = ("photographs", "graphics")
TARGETS = ("0.005", "0.01", "0.02", "0.04", "all")


def networks() -> dict[str, dict[str, Any]]:
    """The side file of each network."""
    return {
        fmt: json.loads((BUNDLED / f"autoquality-{fmt}.json").read_text(encoding="utf-8"))
        for fmt in NAMES
    }


def made(found: dict[str, dict[str, Any]]) -> str:
    """The version, encoder options, size and training data of each network."""
    header = ("network", "version", "encoder", "bytes", "images", "samples", "kinds of samples")
    rows = []
    for fmt, described in found.items():
        encoder = ", ".join(f"{name} {value}" for name, value in described["encoder"].items())
        kinds = ", ".join(
            f"{kind} {count}" for kind, count in sorted(described["corpus"]["kinds"].items())
        )
        size = (BUNDLED / f"autoquality-{fmt}.pb").stat().st_size
        training = described["training"]
        counts = (str(training["images"]), str(training["samples"]))
        rows.append((NAMES[fmt], described["version"], encoder, f"{size:,}", *counts, kinds))
    return table(header, rows)


def accurate(found: dict[str, dict[str, Any]]) -> str:
    """The errors of predictions and the encodings of a request, for qualities 10 to 95."""
    header = (
        *("network", "images of", "target", "images"),
        *("miss: median", "mean", "95th", "worst"),
        *("first guess within ±0.001", "within ±0.002"),
        *("encodings at ±0.001", "at ±0.002", "without a network at ±0.001"),
    )
    rows = []
    for fmt, described in found.items():
        for group in GROUPS:
            for target in TARGETS:
                one = described["accuracy"][group][target]
                wide = one["wide"]
                miss = wide["miss"]
                close, near = (wide["allowed_error"][error] for error in ("0.001", "0.002"))
                rows.append(
                    (
                        *(NAMES[fmt], group, target, str(one["images"])),
                        *(f"{miss[name]:g}" for name in ("median", "mean", "p95", "worst")),
                        *(share(some["met_by_first_guess"]) for some in (close, near)),
                        *(f"{some['encodings']:.2f}" for some in (close, near)),
                        f"{close['encodings_without']:.2f}",
                    )
                )
    return table(header, rows)


def sure(found: dict[str, dict[str, Any]]) -> str:
    """The calibration error of each network."""
    rows = [
        (NAMES[fmt], ", ".join(described["accuracy"]["judged_on"]), f"{error:.3f}")
        for fmt, described in found.items()
        for error in [described["accuracy"]["calibration_error"]]
    ]
    return table(("network", "judged on", "calibration error"), rows)


def share(value: float | None) -> str:
    """`value` as a percentage; a dash for None."""
    return "–" if value is None else f"{value:.0%}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def card(text: str) -> str:
    """`text` with up-to-date tables."""
    found = networks()
    for name, content in (("made", made), ("accurate", accurate), ("sure", sure)):
        begin, end = f"<!-- {name}:begin -->\n", f"\n<!-- {name}:end -->"
        before, rest = text.split(begin)
        after = rest.split(end)[1]
        text = before + begin + content(found) + end + after
    return text


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="change nothing")
    args = parser.parse_args()
    written = CARD.read_text(encoding="utf-8")
    right = card(written)
    if not args.check:
        CARD.write_text(right, encoding="utf-8")
    elif written != right:
        print(f"{CARD.name} does not match the side files: run python {Path(__file__).name}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
