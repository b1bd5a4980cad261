"""What the slices of a request are called, in the order in which they are told."""

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
