"""Images under limits: opening and decoding files, raw pixels, luma planes, metadata.

Importing this package changes no settings of libvips. Its functions do so
before they first decode anything; `configure` describes the settings.
"""

from __future__ import annotations

from autoquality_core.images.libvips import configure as configure
from autoquality_core.images.limits import ImageLimits as ImageLimits
from autoquality_core.images.limits import cost_of as cost_of
from autoquality_core.images.loaders import source_formats as source_formats
from autoquality_core.images.luma import luma as luma
from autoquality_core.images.luma import luma_planes as luma_planes
from autoquality_core.images.metadata.kept import NO_METADATA as NO_METADATA
from autoquality_core.images.metadata.kept import Metadata as Metadata
from autoquality_core.images.pixels import Pixels as Pixels
from autoquality_core.images.raw import check_raw as check_raw
from autoquality_core.images.raw import from_raw as from_raw
from autoquality_core.images.source import Source as Source
from autoquality_core.images.source import open_image as open_image
