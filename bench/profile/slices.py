"""The names of the stages of a request, in the order of the tables and plots."""

from __future__ import annotations

ENCODE = "encode"
DECODE_RESULT = "decode the result"
LUMA = "grey of both images"
MOMENTS = "metric, the source's part"
METRIC = "metric"
SKETCH = "sketch of the image"
PRIOR = "expected curve"
SEARCH = "search arithmetic"
NETWORK = "network's prediction"
SOURCE = "decode the source"
HEADER = "read and check its header"
VALIDATE = "check the request"
REST = "everything else"

SLICES = (
    *(ENCODE, DECODE_RESULT, LUMA, MOMENTS, METRIC),
    *(SKETCH, PRIOR, SEARCH, NETWORK),
    *(SOURCE, HEADER, VALIDATE, REST),
)
"""Records hold these names."""

_TITLES = {
    LUMA: "luma",
    MOMENTS: "metric, source part",
    SKETCH: "image features",
    SEARCH: "search",
    NETWORK: "prediction",
    HEADER: "read the header",
    REST: "other",
}


def title(name: str) -> str:
    """The heading of a stage in tables and plots."""
    return _TITLES.get(name, name)
