"""The data that every search starts from: the files of `autoquality_core/priors`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.formats import library_versions
from autoquality_train.files import write_json


def write_learned(path: Path, setting: str, curves: Mapping[str, Any], **about: Any) -> None:
    """Write the learned data of one encoder setting; `about` says where it comes from.

    Other curves in an existing file stay as they are. Then each new one has an `origin`.
    """
    origin = {**about, "versions": library_versions()}
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"curves": {}}
    if kept["curves"].keys() <= curves.keys():
        learned = {"encoder": setting, **origin, "curves": curves}
    else:
        added = {name: {"origin": origin, **one} for name, one in curves.items()}
        learned = {**kept, "curves": kept["curves"] | added}
    write_json(path, learned, indent=None)


def rounded(values: npt.ArrayLike, digits: int = 5) -> Any:
    """Numbers as they are written, in lists."""
    return np.round(np.asarray(values, np.float64), digits).tolist()
