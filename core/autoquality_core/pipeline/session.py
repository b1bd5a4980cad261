"""The encodings made of one image: their bytes, their scores, their time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property, partial

from autoquality_core.formats import Encoder, with_metadata
from autoquality_core.images import NO_METADATA, Metadata, Pixels, cost_of
from autoquality_core.metrics import Metric, Reference
from autoquality_core.priors.features import luma_features, with_chroma
from autoquality_core.runtime.arrays import Doubles
from autoquality_core.runtime.context import report, run_both, set_attributes, step
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Probe, Stage

SLOWDOWN = 1.3
"""The predicted cost of the next probe relative to the slowest so far; times 1.3 again per 10
quality steps above it."""

LIKELY = 0.9
"""The probability that the first probe ends a search from which the features of the image are not
computed: they cost half a millisecond, as much as a very small JPEG."""

RETURN_SECONDS = 0.02
"""Kept back from the deadline for sending the answer."""

LendCore = Callable[[int], AbstractContextManager[bool]]
"""Lends an idle core for the body, to work on so many pixels. Yields True if there is one."""


class Session:
    """One image and all encodings made of it, by the current `encoder` and by others.

    Belongs to one request and one thread, except during `probe_two`.
    """

    def __init__(
        self,
        pixels: Pixels,
        encoder: Encoder,
        deadline: Deadline,
        lend_core: LendCore | None = None,
        metadata: Metadata = NO_METADATA,
        like: Session | None = None,
    ) -> None:
        """With `lend_core`, two probes may run at once. `metadata` is part of every file.

        `like` is a session of pixels that look the same: what was made of them is used again.
        """
        self.pixels = pixels
        self.encoder = encoder
        self.probes: list[Probe] = []
        self.deadline = deadline
        self.metadata = metadata
        self._lend_core = lend_core
        self._keys: list[tuple[Encoder, int]] = []
        """What each probe encoded: the encoder, and the lowest quality with the same file."""
        self._files: dict[tuple[Encoder, int], bytes] = {}
        """Without metadata."""
        self._like = like
        self.references: dict[str, Reference] = {} if like is None else like.references
        """What encodings are measured against, by the metric's name."""
        self.may_change_chroma = True
        """False if a session of its own has the same format with full chroma."""
        self._stop: Callable[[], bool] | None = None
        self._slowest = 0.0
        self._slowest_quality = 0

    @property
    def equivalents(self) -> tuple[int, ...]:
        """For each quality 1 to 100, the lowest one that gives the same file."""
        return self.encoder.equivalents(has_alpha=self.pixels.has_alpha)

    @property
    def pixel_count(self) -> int:
        """Pixels, all frames counted."""
        return self.pixels.frames * self.pixels.height * self.pixels.width

    @property
    def cost(self) -> int:
        """As `pixel_count`, but more for a narrow image."""
        return cost_of(self.pixels.width, self.pixels.height, self.pixels.frames)

    @property
    def alpha_quality(self) -> int | None:
        """The quality of the alpha channel; None if it has none of its own."""
        return self.encoder.alpha_quality if self.pixels.has_alpha else None

    def stop_when(self, stop: Callable[[], bool] | None) -> None:
        """End a search early: before each new encoding but the first, `stop` is called."""
        self._stop = stop

    def use_metadata(self, metadata: Metadata) -> None:
        """Write other metadata, also into the encodings that exist."""
        if metadata == self.metadata:
            return
        self.metadata = metadata
        for at, one in enumerate(self.probes):
            size = len(self._finished(self._keys[at]))
            self.probes[at] = replace(one, size_bytes=size)

    def knows(self, quality: int) -> bool:
        """True if this quality, or an equivalent one, was probed with the current encoder."""
        return self._key(quality) in self._files

    def highest_within(self, budget: float) -> int | None:
        """The highest known quality whose file has at most `budget` bytes."""
        fitting = [
            one.quality
            for one, (encoder, _) in zip(self.probes, self._keys, strict=True)
            if encoder == self.encoder and one.size_bytes <= budget
        ]
        return max(fitting, default=None)

    def size(self, quality: int) -> int:
        """Bytes of the file at a known quality."""
        return self.probes[self._index(quality)].size_bytes

    def alpha_bytes(self, quality: int) -> int:
        """Bytes of the file at a known quality that depend on alpha alone."""
        if self.alpha_quality is None:
            return 0
        return self.encoder.alpha_bytes(self._files[self._key(quality)])

    def probe(self, quality: int, *metrics: Metric) -> Probe:
        """Encode at `quality`, and measure the result by each metric."""
        return self._keep(*self._make_probe(quality, metrics))

    @property
    def may_probe_two(self) -> bool:
        """False if `probe_two` never uses a second core."""
        return self._lend_core is not None

    def probe_two(self, quality: int, other: int, *metrics: Metric) -> list[Probe]:
        """Probe at `quality`, and at the same time at `other` if a core is idle."""
        if self._lend_core is None:
            return [self.probe(quality, *metrics)]
        with self._lend_core(self.cost) as lent:
            if not lent:
                return [self.probe(quality, *metrics)]
            for metric in metrics:
                self._reference(metric)  # made once, not by both
            made = run_both(
                partial(self._make_probe, quality, metrics),
                partial(self._make_probe, other, metrics),
            )
        return [self._keep(one, data) for one, data in made]

    def _make_probe(self, quality: int, metrics: Sequence[Metric]) -> tuple[Probe, bytes]:
        """A probe and its file without metadata. Changes nothing, so two threads may run it."""
        self.deadline.check()
        with step("probe", quality=quality):
            data, encode_seconds = self._encode(quality)
            scores, measure_seconds = self._measured(data, metrics) if metrics else ({}, 0.0)
            size = len(with_metadata(self.encoder.format, data, self.metadata))
            set_attributes(size_bytes=size, **scores)
        encoder = self.encoder
        probe = Probe(
            *(quality, size, scores, encode_seconds, measure_seconds, self.alpha_quality),
            format=encoder.format,
            chroma=encoder.chroma,
            lossless=encoder.lossless,
            near_lossless=encoder.near_lossless,
        )
        return probe, data

    def _keep(self, one: Probe, data: bytes) -> Probe:
        key = self._key(one.quality)
        self._files[key] = data
        self._keys.append(key)
        self.probes.append(one)
        if _seconds(one) > self._slowest:
            self._slowest, self._slowest_quality = _seconds(one), one.quality
        report(Stage.PROBED, one)
        return one

    def _encode(self, quality: int) -> tuple[bytes, float]:
        """A file, and the seconds that it took."""
        try:
            # The deadline outlives the encoding: the call may still be sending its answer.
            with step("encode") as encoding, self.deadline.calling(self.pixels.stop):
                data = self.encoder.encode(self.pixels, quality)
        except Exception:
            self.deadline.check()  # failed because it was stopped
            raise
        self.deadline.check()  # some encoders cannot be stopped; nothing is measured then
        return data, encoding.seconds

    def measure(self, quality: int, metric: Metric) -> None:
        """Measure the encoding at a known quality, unless that was done."""
        self._measure(self._index(quality), metric)

    def measure_latest(self, metric: Metric) -> None:
        """As `measure`, for the latest encoding, which another encoder may have made."""
        self._measure(len(self.probes) - 1, metric)

    def _measure(self, at: int, metric: Metric) -> None:
        one = self.probes[at]
        if metric.name in one.scores:
            return
        scores, seconds = self._measured(self._files[self._keys[at]], [metric])
        self.probes[at] = replace(
            one,
            scores={**one.scores, **scores},
            measure_seconds=one.measure_seconds + seconds,
        )

    def _measured(
        self, data: bytes, metrics: Sequence[Metric]
    ) -> tuple[Mapping[str, float], float]:
        """The scores of a file by the metrics' names, and the seconds that they took."""
        with step("measure") as measuring:
            decoded = self.encoder.decode(data, self.pixels)
            scores = {one.name: self._reference(one).score(decoded) for one in metrics}
        return scores, measuring.seconds

    def file(self, quality: int) -> bytes:
        """The file at a known quality, with metadata."""
        return self._finished(self._key(quality))

    def _finished(self, key: tuple[Encoder, int]) -> bytes:
        return with_metadata(key[0].format, self._files[key], self.metadata)

    def frames(self, quality: int) -> int:
        """The number of frames in the file at a known quality."""
        return self.encoder.frames(self._files[self._key(quality)], self.pixels)

    def scores(self, quality: int) -> Mapping[str, float]:
        """The scores at a known quality, by the metric's name."""
        return self.probes[self._index(quality)].scores

    def may_continue(self, quality: int) -> bool:
        """False if a probe at `quality`, or its measurement, would miss the deadline.

        Also False if the search should stop (`stop_when`). Raises RequestCancelled if the caller is
        gone.
        """
        if self.deadline.remaining() > 0:
            self.deadline.check()
        if self._stop is not None and self._stop():
            return False
        above = max(quality - self._slowest_quality, 0)
        expected = self._slowest * SLOWDOWN ** (1 + above / 10)
        return self.deadline.leaves(expected + RETURN_SECONDS)

    def may_start(self) -> bool:
        """False if two probes would take longer than the deadline leaves, on a usual core."""
        expected = 2 * self.encoder.probe_seconds_per_pixel * self.cost
        return self.deadline.leaves(expected + RETURN_SECONDS)

    def may_start_after(self, other: Session, size_bytes: float) -> bool:
        """As `may_continue` for the first probe, judged by the probes of another session.

        `size_bytes` are expected of the file.
        """
        ours, theirs = self.encoder, other.encoder
        as_slow = max(1.0, ours.probe_seconds_per_pixel / theirs.probe_seconds_per_pixel)
        self._slowest = max(other._slowest * as_slow, ours.seconds_per_byte * size_bytes)
        return self.may_continue(0)

    def choose(self, quality: int) -> None:
        """Make a known quality the answer: a probe of an equivalent one takes its name."""
        at = self._index(quality)
        self.probes[at] = replace(self.probes[at], quality=quality)

    def _key(self, quality: int) -> tuple[Encoder, int]:
        lowest = self.equivalents[quality - 1] if self.encoder.takes_quality else quality
        return self.encoder, lowest

    def _index(self, quality: int) -> int:
        """Which probe encoded at a quality, or an equivalent one, with the current encoder."""
        return self._keys.index(self._key(quality))

    def features_for(self, metric: Metric) -> Doubles | None:
        """The features that the curve of a metric is predicted from. None for animations."""
        return self.all_features if metric.sees_color else self.features

    @cached_property
    def features(self) -> Doubles | None:
        """The features of the luma. None for animations: one frame says little about the rest."""
        if self._like is not None:
            return self._like.features
        return luma_features(self.pixels) if self.pixels.frames == 1 else None

    @cached_property
    def all_features(self) -> Doubles | None:
        """The features with those of the chroma, which sizes depend on. None for animations."""
        if self._like is not None:
            return self._like.all_features
        return None if self.features is None else with_chroma(self.features, self.pixels)

    def _reference(self, metric: Metric) -> Reference:
        if metric.name not in self.references:
            self.references[metric.name] = metric.reference(self.pixels)
        return self.references[metric.name]


def _seconds(one: Probe) -> float:
    return one.encode_seconds + one.measure_seconds
