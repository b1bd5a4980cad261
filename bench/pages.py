"""Writes the tables and plots of the documents from the newest records.

python -m bench.pages             write tables and plots
python -m bench.pages --check     change nothing; fail if a table or plot is out of date
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bench import (
    cache,
    efforts,
    engines,
    formats,
    guard,
    jpegli,
    near_lossless,
    rest,
    savings,
    sources,
    ssimulacra2,
    ssimulacra2_scores,
    target_pictures,
    targets,
)
from bench.capacity import page as capacity
from bench.capacity import rates
from bench.command import parser
from bench.compare import figures as compare_figures
from bench.compare import tables as compare
from bench.container import tables as container
from bench.many_cores import tables as many_cores
from bench.overhead import tables as overhead
from bench.profile import figures as profile_figures
from bench.profile import tables as profile
from bench.record import Record, latest
from bench.record.machine import ROOT
from bench.record.plots import record_in
from bench.scaling import figures as scaling_figures
from bench.scaling import tables as scaling
from bench.service import pages as service
from bench.soak import verdict as soak
from bench.worst import tables as worst

RESULTS = Path("bench") / "results"
PLOTS = Path("docs") / "bench"

Table = Callable[[Record], str]
Plots = Callable[[Record], Mapping[str, bytes]]

TABLES: Mapping[str, tuple[str, Table]] = {
    "bench": ("compare", compare.short),
    "compare-about": ("compare", compare.about),
    "compare-cost": ("compare", compare.our_cost),
    "compare-encodings": ("compare", compare.mean_encodings),
    "compare-rivals": ("compare", compare.rivals),
    "worst": ("worst", worst.page),
    "overhead": ("overhead", overhead.page),
    "many-cores": ("many-cores", many_cores.page),
    "service": ("service", service.page),
    "rest": ("rest", rest.page),
    "guard": ("guard", guard.page),
    "container-sizes": ("container", container.sizes),
    "container-packages": ("container", container.packages),
    "soak": ("soak", soak.page),
    "profile": ("profile", profile.page),
    "scaling": ("scaling", scaling.page),
    "capacity": ("scaling", capacity),
    "cache": ("cache", cache.page),
    "rates": ("cache", rates),
    "engines": ("engines", engines.page),
    "efforts": ("efforts", efforts.page),
    "formats": ("formats", formats.page),
    "savings": ("savings", savings.page),
    "ssimulacra2": ("ssimulacra2", ssimulacra2.page),
    "jpegli": ("jpegli", jpegli.page),
    "near-lossless": ("near-lossless", near_lossless.page),
    "ssimulacra2-scores": ("ssimulacra2-scores", ssimulacra2_scores.page),
    "sources-estimate": ("sources", sources.estimate_page),
    "sources-skipped": ("sources", sources.skipped_page),
    "sources-shrunk": ("sources", sources.shrunk_page),
    "targets-spread": ("targets", targets.spread_page),
    "targets-words": ("targets", targets.words_page),
}
"""By marker: the benchmark whose record holds the numbers, and the function for the table."""

PLOTTED: Mapping[str, tuple[Plots, tuple[str, ...]]] = {
    "compare": (compare_figures.plots, compare_figures.NAMES_OF_PLOTS),
    "service": (service.plots, service.NAMES_OF_PLOTS),
    "profile": (profile_figures.plots, profile_figures.NAMES_OF_PLOTS),
    "scaling": (scaling_figures.plots, scaling_figures.NAMES_OF_PLOTS),
    "targets": (target_pictures.plots, target_pictures.NAMES_OF_PLOTS),
}
PAGES = (
    *("docs/bench.md", "docs/accuracy.md", "docs/choice.md", "docs/targets.md", "docs/savings.md"),
    *("docs/sources.md", "docs/operations.md", "docs/install.md", "docs/robustness.md"),
    *("docs/batch.md", "docs/capacity.md", "docs/formats.md"),
)


def rendered(text: str, tables: Mapping[str, str]) -> str:
    """`text` with each table between its markers; tables without markers are skipped."""
    for name, table in tables.items():
        begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if found and closed:
            text = f"{before}{begin}{table}\n{end}{after}"
    return text


def records(root: Path) -> dict[str, Record]:
    """The newest record of every benchmark, by its name."""
    names = {bench for bench, _ in TABLES.values()}
    found = {name: latest(name, root / RESULTS) for name in sorted(names)}
    return {name: record for name, record in found.items() if record is not None}


def stale_pages(root: Path, newest: Mapping[str, Record]) -> dict[Path, str]:
    """The pages that are out of date, with their new text."""
    tables = {
        name: make(newest[bench]) for name, (bench, make) in TABLES.items() if bench in newest
    }
    stale = {}
    for name in PAGES:
        page = root / name
        current = page.read_text(encoding="utf-8")
        wanted = rendered(current, tables)
        if wanted != current:
            stale[page] = wanted
    return stale


def stale_plots(root: Path, newest: Mapping[str, Record]) -> list[str]:
    """The benchmarks with a plot that is missing or from another record."""
    return [
        bench
        for bench, (_, names) in PLOTTED.items()
        if bench in newest
        and any(record_in(root / PLOTS / name) != newest[bench].file_name for name in names)
    ]


def main(arguments: list[str] | None = None) -> int:
    """Write the pages, or check them; 1 if a check fails."""
    given = parser("bench.pages", __doc__)
    given.add_argument("--check", action="store_true", help="change nothing")
    given.add_argument("--root", type=Path, default=ROOT, help="the repository")
    args = given.parse_args(arguments)
    newest = records(args.root)
    pages, plots = stale_pages(args.root, newest), stale_plots(args.root, newest)
    if args.check:
        for page in pages:
            print(f"{page}: does not match bench/results: run {given.prog}", file=sys.stderr)
        for bench in plots:
            print(f"{PLOTS}: plots of {bench} are stale: run {given.prog}", file=sys.stderr)
        return 1 if pages or plots else 0
    for page, text in pages.items():
        page.write_text(text, encoding="utf-8")
        print(f"{page}: updated")
    (args.root / PLOTS).mkdir(parents=True, exist_ok=True)
    for bench in plots:
        for name, data in PLOTTED[bench][0](newest[bench]).items():
            (args.root / PLOTS / name).write_bytes(data)
            print(f"{PLOTS / name}: updated")
    return 0


if __name__ == "__main__":
    sys.exit(main())
