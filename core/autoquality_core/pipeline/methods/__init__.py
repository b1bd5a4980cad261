"""The methods: none, size, ml and one for each metric. Each is a `MethodHandler`."""

from autoquality_core.pipeline.methods.base import Answer as Answer
from autoquality_core.pipeline.methods.base import MethodHandler as MethodHandler
from autoquality_core.pipeline.methods.base import fixed_quality as fixed_quality
from autoquality_core.pipeline.methods.budget import with_metadata_in as with_metadata_in
from autoquality_core.pipeline.methods.near_lossless import has_near_lossless as has_near_lossless
from autoquality_core.pipeline.methods.near_lossless import (
    search_near_lossless as search_near_lossless,
)
from autoquality_core.pipeline.methods.score import ScoreSearch as ScoreSearch
from autoquality_core.pipeline.methods.score import search_by_network as search_by_network
from autoquality_core.pipeline.methods.size import predicted_size as predicted_size
from autoquality_core.pipeline.methods.size import search_by_size as search_by_size
