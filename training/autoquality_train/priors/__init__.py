"""The data that every search starts from: the files of `autoquality_core/priors`.

curves     what an encoder's curves look like                    (KEY.json)
features   the regression from an image's features to its curves (KEY.features.json)
offsets    the distance of slower settings' curves               (KEY.offset.json)
roughness  how far curves fall on images with little detail      (KEY.rough.json)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoquality_core.formats import library_versions
from autoquality_train.files import write_json


def write_learned(path: Path, setting: str, curves: dict[str, Any], **about: Any) -> None:
    """Write the learned data of one encoder setting; `about` says where it comes from."""
    learned = {
        "encoder": setting,
        **about,
        "versions": library_versions(),
        "curves": curves,
    }
    write_json(path, learned, indent=None)


def rounded(values: npt.ArrayLike, digits: int = 5) -> Any:
    """Numbers as they are written, in lists."""
    return np.round(np.asarray(values, np.float64), digits).tolist()
