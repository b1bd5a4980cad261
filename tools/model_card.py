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
NAMES = {"jpeg": "JPEG", "webp": "WebP", "avif": "AVIF", "jxl": "JPEG XL"}
GROUPS = ("photographs", "graphics")
METRICS = {"dssim": "DSSIM", "ssimulacra2": "SSIMULACRA2"}


def networks() -> dict[str, dict[str, Any]]:
    """The side file of each network."""
    return {
        fmt: json.loads((BUNDLED / f"autoquality-{fmt}.json").read_text(encoding="utf-8"))
        for fmt in NAMES
    }


def heads(found: dict[str, dict[str, Any]]) -> list[tuple[str, str, dict[str, Any]]]:
    """The network, the metric and the description of each head.

    A head that was added later has an origin of its own.
    """
    rows = []
    for fmt, described in found.items():
        rows.append((NAMES[fmt], "dssim", described))
        for metric, head in described.get("metrics", {}).items():
            rows.append((NAMES[fmt], metric, {**described, **head, **head.get("origin", {})}))
    return rows


def made(found: dict[str, dict[str, Any]]) -> str:
    """The encoder options and the size of each network."""
    header = ("network", "encoder", "bytes")
    rows = []
    for fmt, described in found.items():
        encoder = ", ".join(f"{name} {value}" for name, value in described["encoder"].items())
        size = (BUNDLED / f"autoquality-{fmt}.pb").stat().st_size
        rows.append((NAMES[fmt], encoder, f"{size:,}"))
    return table(header, rows)


def trained(found: dict[str, dict[str, Any]]) -> str:
    """The version and training data of each head."""
    header = ("network", "metric", "version", "images", "samples", "kinds of samples")
    rows = []
    for name, metric, described in heads(found):
        kinds = ", ".join(
            f"{kind} {count}" for kind, count in sorted(described["corpus"]["kinds"].items())
        )
        training = described["training"]
        counts = (str(training["images"]), str(training["samples"]))
        rows.append((name, METRICS[metric], described["version"], *counts, kinds))
    return table(header, rows)


def accurate(found: dict[str, dict[str, Any]], metric: str) -> str:
    """The errors of predictions and the encodings of a request, for qualities 10 to 95."""
    judged = [(name, one["accuracy"]) for name, of, one in heads(found) if of == metric]
    close, near = judged[0][1]["all"]["all"]["wide"]["allowed_error"]
    header = (
        *("network", "images of", "target", "images"),
        *("miss: median", "mean", "95th", "worst"),
        *(f"first guess within ±{close}", f"within ±{near}"),
        *(f"encodings at ±{close}", f"at ±{near}", f"without a network at ±{close}"),
    )
    rows = []
    for name, accuracy in judged:
        for group in GROUPS:
            for target in (*(one for one in accuracy[group] if one != "all"), "all"):
                one = accuracy[group][target]
                miss, allowed = one["wide"]["miss"], one["wide"]["allowed_error"]
                both = allowed[close], allowed[near]
                rows.append(
                    (
                        *(name, group, target, str(one["images"])),
                        *(f"{miss[key]:g}" for key in ("median", "mean", "p95", "worst")),
                        *(share(some["met_by_first_guess"]) for some in both),
                        *(f"{some['encodings']:.2f}" for some in both),
                        f"{both[0]['encodings_without']:.2f}",
                    )
                )
    return table(header, rows)


def sure(found: dict[str, dict[str, Any]]) -> str:
    """The calibration error of each head."""
    rows = [
        (name, METRICS[metric], ", ".join(one["accuracy"]["judged_on"]), f"{error:.3f}")
        for name, metric, one in heads(found)
        for error in [one["accuracy"]["calibration_error"]]
    ]
    return table(("network", "metric", "judged on", "calibration error"), rows)


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
    contents = {
        "made": made(found),
        "trained": trained(found),
        **{f"accurate-{metric}": accurate(found, metric) for metric in METRICS},
        "sure": sure(found),
    }
    for name, content in contents.items():
        begin, end = f"<!-- {name}:begin -->\n", f"\n<!-- {name}:end -->"
        before, rest = text.split(begin)
        after = rest.split(end)[1]
        text = before + begin + content + end + after
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
