"""Changes the code in small ways, and checks that a test fails for each change: `make mutants`.

Cosmic Ray makes the mutants, in a copy of the working tree. A change that no test notices is
printed: it needs a test, or it is equivalent (a comment then says why). Each place in the
code gets one mutant at most.

    make mutants ARGS="search rates --sample 30"    30 mutants of each of these areas
    make mutants ARGS="breaker --sample 0"          all places of one area
    make mutants ARGS="rates --seed 2"              another choice

Needs .venv and .tools for the tests, and runs itself in .venv-mutants.
"""

from __future__ import annotations

import argparse
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkItem, WorkResult

ROOT = Path(__file__).resolve().parent.parent
CORE = "core/autoquality_core"
FORMATS, IMAGES = f"{CORE}/formats", f"{CORE}/images"
PIPELINE, SEARCH = f"{CORE}/pipeline", f"{CORE}/search"
SERVER = "server/autoquality_server"

SKIPPED_OPERATORS = (
    "core/ReplaceBinaryOperator_BitOr_",  # nearly all are unions in annotations
    "core/ExceptionReplacer",  # handlers of errors that tests cannot cause
)
SKIPPED_LINES = ("if TYPE_CHECKING", "@property", "@dataclass", "@abstractmethod", "@overload")


_NO_SHRINKING = """
from hypothesis import Phase, settings
settings.register_profile("mutants", phases=[Phase.explicit, Phase.generate], database=None)
settings.load_profile("mutants")
"""
"""A plug-in of pytest: a failure is enough, a small example of it takes minutes."""


@dataclass(frozen=True, slots=True)
class Area:
    """Code, and the tests that cover it: quick ones first."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


AREAS = {
    "search": Area(
        tuple(
            f"{SEARCH}/{name}.py"
            for name in ("acquisition", "bounds", "curve", "base", "engine", "goals")
        ),
        (
            *("tests/search/test_base.py", "tests/search/test_goals.py"),
            *("tests/search/test_bounds.py", "tests/search/test_curve.py", "tests/search"),
        ),
    ),
    "limits": Area(
        (f"{SEARCH}/limits.py",),
        ("tests/search/test_limits.py", "tests/pipeline/test_limits.py"),
    ),
    "defaults": Area((f"{PIPELINE}/defaults.py",), ("tests/pipeline/test_defaults.py",)),
    "candidates": Area(
        tuple(
            f"{PIPELINE}/{name}.py" for name in ("candidates", "choice", "objectives", "verdicts")
        ),
        (
            *("tests/pipeline/test_choices.py", "tests/pipeline/test_candidates.py"),
            *("tests/pipeline/test_unsearched.py", "tests/pipeline/test_near_lossless.py"),
        ),
    ),
    "methods": Area(
        tuple(
            f"{PIPELINE}/methods/{name}.py"
            for name in ("budget", "chroma", "limited", "near_lossless", "score", "size")
        ),
        tuple(
            f"tests/pipeline/test_{name}.py"
            for name in (
                *("near_lossless", "chroma_jump", "limits", "predictions", "unsearched"),
                *("metadata_budget", "alpha_quality", "two_probes"),
            )
        ),
    ),
    "shrinking": Area(
        tuple(f"{PIPELINE}/{name}.py" for name in ("shrinking", "source_file", "source_quality")),
        tuple(
            f"tests/pipeline/test_{name}.py"
            for name in ("shrinking", "source_file", "source_over_budget", "source_quality")
        ),
    ),
    "pipeline": Area(
        (f"{PIPELINE}/pipeline.py",),
        (
            *("tests/pipeline/test_promises.py", "tests/pipeline/test_compare.py"),
            *("tests/core/test_library.py", "tests/runtime/test_compilation.py"),
            *("tests/faults/test_memory.py", "tests/pipeline"),
        ),
    ),
    "beliefs": Area(
        (f"{CORE}/priors/formats.py",),
        (
            *("tests/priors/test_formats.py", "tests/pipeline/test_choices.py"),
            "tests/pipeline/test_unsearched.py",
        ),
    ),
    "ssimulacra2": Area((f"{CORE}/metrics/ssimulacra2/maps.py",), ("tests/metrics/ssimulacra2",)),
    "networks": Area((f"{CORE}/networks",), ("tests/networks",)),
    "plain": Area(
        (
            *(f"{IMAGES}/{name}.py" for name in ("jpeg", "plain_files")),
            f"{FORMATS}/plain.py",
        ),
        (
            *(f"tests/images/test_plain_{name}.py" for name in ("jpeg", "webp", "avif")),
            *(f"tests/images/test_{name}.py" for name in ("jpeg", "jpeg_header", "jpeg_scans")),
            "tests/formats/test_plain.py",
        ),
    ),
    "avif": Area(
        (f"{FORMATS}/avif.py", f"{IMAGES}/isobmff"),
        (
            *("tests/images/isobmff", "tests/images/test_plain_avif.py"),
            *("tests/formats/test_avif.py", "tests/images/test_animation.py"),
            *("tests/images/test_animation_colours.py", "tests/images/colour/test_render.py"),
            "tests/hostile/test_structure.py",
        ),
    ),
    "jxl": Area(
        (f"{IMAGES}/jxl",),
        (
            *("tests/images/jxl", "tests/hostile/test_jxl.py", "tests/formats/test_jxl.py"),
            *("tests/formats/test_stripping.py", "tests/formats/test_containers.py"),
        ),
    ),
    "admission": Area(
        (f"{SERVER}/admission",),
        (
            "tests/admission",
            *("tests/rpc/test_semaphore.py", "tests/rpc/test_admission.py"),
            "tests/rpc/test_admission_by_pixels.py",
        ),
    ),
    "rates": Area((f"{SERVER}/auth/rates.py",), ("tests/auth/test_rates.py",)),
    "identity": Area(
        (f"{SERVER}/auth/identity.py", f"{SERVER}/auth/tokens.py"),
        ("tests/auth/test_identity.py", "tests/auth/test_tokens.py"),
    ),
    "tls": Area(
        tuple(f"{SERVER}/auth/{name}.py" for name in ("exposure", "reload", "tls")),
        (
            *("tests/auth/test_exposure.py", "tests/auth/test_tls.py"),
            "tests/auth/test_metrics_tls.py",
        ),
    ),
    "breaker": Area((f"{SERVER}/inference/breaker.py",), ("tests/inference/test_breaker.py",)),
    "batching": Area(
        (f"{SERVER}/inference/batching.py",),
        ("tests/inference/test_batching.py", "tests/inference/test_batched_graphs.py"),
    ),
    "validation": Area(
        (f"{SERVER}/rpc/convert.py",),
        (
            *("tests/rpc/test_convert.py", "tests/rpc/test_convert_violations.py"),
            "tests/pipeline/test_defaults.py",
        ),
    ),
    "interceptors": Area(
        (f"{SERVER}/rpc/interceptors",),
        (
            *("tests/rpc/test_errors.py", "tests/rpc/test_request_ids.py"),
            *("tests/rpc/test_deadline.py", "tests/rpc/test_metrics.py"),
            *("tests/rpc/test_downloads.py", "tests/tracing/test_spans.py"),
            *("tests/rpc/test_uploads.py", "tests/rpc/test_logs.py", "tests/rpc/test_cycles.py"),
            "tests/auth/test_identity.py",
        ),
    ),
    "cache": Area((f"{SERVER}/rpc/cache.py",), ("tests/rpc/test_cache.py",)),
    "streams": Area(
        (f"{SERVER}/rpc/streaming.py",),
        (
            *("tests/stream/test_background.py", "tests/stream/test_refusals.py"),
            *("tests/stream/test_result.py", "tests/stream/test_cancelling.py"),
        ),
    ),
    "settings": Area(
        tuple(f"{SERVER}/config/{name}.py" for name in ("checks", "load", "parse")),
        tuple(
            f"tests/config/test_{name}.py"
            for name in ("parse", "load", "candidates", "metrics", "env_file", "command_line")
        ),
    ),
    "retry": Area(("client/autoquality/_retry.py",), ("tests/client/test_retry.py",)),
    "batch": Area(("client/autoquality/_batch",), ("tests/batch", "tests/cli/test_folders.py")),
}


def main() -> int:
    """Run the areas; the status is 1 if a mutant survived."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_AsWritten)
    parser.add_argument("areas", nargs="*", metavar="AREA", help=f"of {', '.join(AREAS)}")
    parser.add_argument("--sample", type=int, default=20, help="mutants of each area; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    if unknown := set(asked.areas) - set(AREAS):
        parser.error(f"no area is named {', '.join(sorted(unknown))}")
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        copy = Path(name) / "copy"
        _copy_tree(copy)
        for area in asked.areas or AREAS:
            survivors += _run_area(area, Path(name), copy, asked.sample, asked.seed)
    return 1 if survivors else 0


class _AsWritten(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """Keeps the lines of the description, and shows defaults."""


def _copy_tree(copy: Path) -> None:
    """Copy what git knows or would add, so that an interrupted run leaves no mutant behind."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, text=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        source, target = ROOT / name, copy / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    (copy / ".tools").symlink_to(ROOT / ".tools")  # programs that tests start


def _run_area(name: str, folder: Path, copy: Path, sample: int, seed: int) -> int:
    """Print the survivors of an area, and return their number."""
    area = AREAS[name]
    python = ROOT / ".venv" / "bin" / "python"
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no_shrinking", "--timeout=60"]
    tests = [str(python), "-m", "pytest", *options, *area.tests]
    (folder / "no_shrinking.py").write_text(_NO_SHRINKING)
    paths = [str(folder), *(str(copy / part) for part in ("client", "core", "server", "training"))]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    start = time.monotonic()
    whole = subprocess.run(
        tests, cwd=copy, env=environment, check=False, stdout=subprocess.PIPE, text=True
    )
    if whole.returncode:
        sys.exit(f"{whole.stdout}\n{name}: its tests fail without a mutant, as shown above")
    seconds = time.monotonic() - start

    config, session = folder / f"{name}.toml", folder / f"{name}.sqlite"
    modules = ", ".join(f'"{module}"' for module in area.modules)
    config.write_text(
        "[cosmic-ray]\n"
        f"module-path = [{modules}]\n"
        f"timeout = {4 * seconds + 60:.0f}\n"
        "excluded-modules = []\n"
        f"test-command = '{shlex.join(tests)}'\n"
        "[cosmic-ray.distributor]\n"
        'name = "local"\n'
    )
    tool = Path(sys.executable).with_name("cosmic-ray")
    _cosmic_ray = [str(tool), "init", str(config), str(session)]
    subprocess.run(_cosmic_ray, cwd=copy, env=environment, check=True)
    with use_db(session, WorkDB.Mode.open) as database:
        chosen = _sample(database, copy, sample, seed)
    print(f"{name}: {chosen} mutants, {seconds:.0f} s of tests", flush=True)
    _cosmic_ray = [str(tool), "exec", str(config), str(session)]
    subprocess.run(_cosmic_ray, cwd=copy, env=environment, check=True)
    with use_db(session, WorkDB.Mode.open) as database:
        survived = [
            result.diff or ""
            for _, result in database.completed_work_items
            if result.worker_outcome is not WorkerOutcome.SKIPPED
            and result.test_outcome is not TestOutcome.KILLED
        ]
    print(f"{name}: {chosen - len(survived)} of {chosen} detected", flush=True)
    for diff in survived:
        print(_short(diff), flush=True)
    return len(survived)


def _sample(database: WorkDB, copy: Path, sample: int, seed: int) -> int:
    """Skip all but one mutant each of `sample` places (0: of all), and return their number."""
    chance = random.Random(seed)
    places: dict[tuple[str, int, int], list[WorkItem]] = {}
    for item in sorted(database.pending_work_items, key=_key):
        (mutation,) = item.mutations
        line = (copy / mutation.module_path).read_text().splitlines()[mutation.start_pos[0] - 1]
        if mutation.operator_name.startswith(SKIPPED_OPERATORS):
            continue
        if mutation.operator_name == "core/ReplaceTrueWithFalse" and "strict=True" in line:
            continue  # it guards against mistakes in our own code, which tests cannot make
        if not line.strip().startswith(SKIPPED_LINES):
            places.setdefault((str(mutation.module_path), *mutation.start_pos), []).append(item)
    picked = list(places.values())
    if 0 < sample < len(picked):
        picked = chance.sample(picked, sample)
    kept = {chance.choice(items).job_id for items in picked}
    _skip(database, (one.job_id for one in database.pending_work_items if one.job_id not in kept))
    return len(kept)


def _key(item: WorkItem) -> tuple[object, ...]:
    (mutation,) = item.mutations
    where = (str(mutation.module_path), *mutation.start_pos)
    return (*where, mutation.operator_name, mutation.occurrence)


def _skip(database: WorkDB, jobs: Iterable[str]) -> None:
    database.set_multiple_results(list(jobs), WorkResult(WorkerOutcome.SKIPPED))


def _short(diff: str) -> str:
    """The file and the changed lines of a diff."""
    kept = [line for line in diff.splitlines() if line.startswith(("+++", "@@", "-", "+"))]
    return "\n".join(line for line in kept if not line.startswith("---"))


if __name__ == "__main__":
    sys.exit(main())
