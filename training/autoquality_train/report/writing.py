"""All three files of a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autoquality_train.files import write_text
from autoquality_train.judging.judge import Judgement
from autoquality_train.report.numbers import About, numbers
from autoquality_train.report.page import page
from autoquality_train.report.summary import summary


def write_report(folder: Path, judgement: Judgement, about: About) -> dict[str, Any]:
    """Write report.html, report.md and report.json; answers the numbers.

    Raises ValueError if nothing was judged.
    """
    if not judgement.cases:
        raise ValueError("nothing was judged")
    found = numbers(judgement.cases, about)
    write_text(folder / "report.json", json.dumps(found, allow_nan=False) + "\n")
    write_text(folder / "report.md", summary(found))
    write_text(folder / "report.html", page(found, judgement.cases, judgement.pictures))
    return found
