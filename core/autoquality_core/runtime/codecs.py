"""libvips, and the codecs of imagecodecs, loaded when they are first used.

The supervisor, `--help` and the health command read the options of formats, and need no codec.
Import them from here: `from autoquality_core.runtime.codecs import jpegxl, pyvips`.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyvips
    from imagecodecs import _avif as libavif
    from imagecodecs import _brotli as brotli
    from imagecodecs import _jpeg8 as jpeg8
    from imagecodecs import _jpegxl as jpegxl
    from imagecodecs import _webp as libwebp
else:

    class _Lazy:
        """Stands for a module; imports it with its first attribute."""

        def __init__(self, name: str) -> None:
            self._name = name
            self._module: ModuleType | None = None

        def __getattr__(self, attribute: str) -> Any:
            if self._module is None:
                self._module = import_module(self._name)
            return getattr(self._module, attribute)

    pyvips = _Lazy("pyvips")
    # Five of the sixty codecs of imagecodecs; each is a module that loads nothing of the others.
    brotli = _Lazy("imagecodecs._brotli")
    jpeg8 = _Lazy("imagecodecs._jpeg8")
    jpegxl = _Lazy("imagecodecs._jpegxl")
    libavif = _Lazy("imagecodecs._avif")
    libwebp = _Lazy("imagecodecs._webp")

__all__ = ["brotli", "jpeg8", "jpegxl", "libavif", "libwebp", "pyvips"]
