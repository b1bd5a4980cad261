"""Trying qualities on one image: encodings, their measurements, their time."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt

from autoquality_core.formats import Codec, alpha_bytes, equivalents, with_metadata
from autoquality_core.images import NO_METADATA, Metadata, Pixels, cost_of, luma
from autoquality_core.metrics.dssim import PassingReference, Reference, reference_of
from autoquality_core.priors.features import coloured, sketch
from autoquality_core.runtime.context import report, run_both, set_attributes, step
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import EncoderOptions, Format, Probe, Stage

HASTE = 1.3
"""Another probe is taken to last this many times as long as the longest so far, and as many times
again for every 10 qualities that it is above that one: encoders take longer there."""

LIKELY = 0.9
"""How likely the first probe has to end a search for a look at the image to be left out: a sketch
costs half a millisecond, which a very small JPEG does, too."""

RETURN_SECONDS = 0.02
"""Kept back from the deadline for sending the answer."""

Spare = Callable[[int], AbstractContextManager[bool]]
"""Lends a core for the body, to work on so many pixels, if one is idle; gives whether it is."""


class Session:
    """One image, one encoder setting, and every encoding made of it so far.

    Belongs to one request and one thread, except during `probe_two`.
    """

    def __init__(
        self,
        pixels: Pixels,
        codec: Codec,
        options: EncoderOptions,
        deadline: Deadline,
        spare: Spare | None = None,
        metadata: Metadata = NO_METADATA,
    ) -> None:
        """With `spare`, two probes may run at the same time. `metadata` is part of every file."""
        self.pixels = pixels
        self.options = options
        self.probes: list[Probe] = []
        self.deadline = deadline
        self._codec = codec
        self._spare = spare
        self.metadata = metadata
        # Without metadata; by the name of the quality and by the quality of alpha.
        self._encoded: dict[tuple[int, int | None], bytes] = {}
        self._slowest = 0.0
        self._slowest_quality = 0

    @property
    def format(self) -> Format:
        return self._codec.format

    @property
    def equivalents(self) -> tuple[int, ...]:
        """For each quality 1 to 100 the lowest one that gives the same file."""
        return equivalents(self.format, self.options, has_alpha=self.pixels.has_alpha)

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
        """The quality of the alpha channel; None where it has none of its own."""
        own = self.format is Format.WEBP and self.pixels.has_alpha
        return self.options.webp.alpha_quality if own else None

    def use_alpha_quality(self, alpha_quality: int) -> None:
        """Make the next encodings with this quality of alpha; the others stay known."""
        webp = replace(self.options.webp, alpha_quality=alpha_quality)
        self.options = replace(self.options, webp=webp)

    def use_metadata(self, metadata: Metadata) -> None:
        """Write other metadata, into the encodings that were made, too."""
        if metadata == self.metadata:
            return
        self.metadata = metadata
        for at, one in enumerate(self.probes):
            bare = self._encoded[self._name(one.quality), one.alpha_quality]
            self.probes[at] = replace(one, size_bytes=len(self._finished(bare)))

    def knows(self, quality: int) -> bool:
        """Whether a quality was probed, or a twin of it, with the current quality of alpha."""
        return (self._name(quality), self.alpha_quality) in self._encoded

    def size(self, quality: int) -> int:
        """Bytes of the file at a quality that was probed, or a twin of it."""
        return self.probes[self._probe_of(quality)].size_bytes

    def alpha_bytes(self, quality: int) -> int:
        """Bytes that alpha takes in the file at a quality, where it is coded apart."""
        return alpha_bytes(self._bare(quality)) if self.alpha_quality is not None else 0

    def probe(self, quality: int, *, measure: bool) -> Probe:
        """Encode at `quality` and, if asked, measure the DSSIM of the result."""
        return self._keep(*self._probed(quality, measure))

    @property
    def may_probe_two(self) -> bool:
        """Whether `probe_two` is any different from `probe`."""
        return self._spare is not None

    def probe_two(self, quality: int, other: int, *, measure: bool) -> list[Probe]:
        """Probe at `quality`, and at the same time at `other` if a core is idle."""
        if self._spare is None:
            return [self.probe(quality, measure=measure)]
        with self._spare(self.cost) as lent:
            if not lent:
                return [self.probe(quality, measure=measure)]
            if measure:
                _ = self._reference  # made once, not by both
            found = run_both(
                partial(self._probed, quality, measure), partial(self._probed, other, measure)
            )
        return [self._keep(one, data) for one, data in found]

    def _probed(self, quality: int, measure: bool) -> tuple[Probe, bytes]:
        """A probe and its file without metadata. Changes nothing, so that two threads may do it."""
        self.deadline.check()
        with step("probe", quality=quality):
            data, encoding = self._encode(quality)
            dssim, measuring = self._measured(data) if measure else (None, 0.0)
            size = len(self._finished(data))
            set_attributes(size_bytes=size, dssim=dssim)
        return Probe(quality, size, dssim, encoding, measuring, self.alpha_quality), data

    def _keep(self, one: Probe, data: bytes) -> Probe:
        self._encoded[self._name(one.quality), one.alpha_quality] = data
        self.probes.append(one)
        if _seconds(one) > self._slowest:
            self._slowest, self._slowest_quality = _seconds(one), one.quality
        report(Stage.PROBED, one)
        return one

    def _encode(self, quality: int) -> tuple[bytes, float]:
        """A file, and the seconds that it took."""
        try:
            # The deadline lives as long as the call, which may still be sending its answer.
            with step("encode") as encoding, self.deadline.calling(self.pixels.stop):
                data = self._codec.encode(self.pixels, quality, self.options)
        except Exception:
            self.deadline.check()  # failed because it was stopped
            raise
        self.deadline.check()  # OpenCV's encoders cannot be stopped, and need no measurement then
        return data, encoding.seconds

    def measure(self, quality: int) -> None:
        """Measure an encoding that was made, unless that was done."""
        self._measure(self._probe_of(quality))

    def _measure(self, at: int) -> None:
        one = self.probes[at]
        if one.dssim is not None:
            return
        dssim, seconds = self._measured(self._bare(one.quality))
        self.probes[at] = replace(one, dssim=dssim, measure_seconds=seconds)

    def _measured(self, data: bytes) -> tuple[float, float]:
        """The DSSIM of a file, and the seconds that it took to find out."""
        with step("measure") as measuring:
            dssim = self._reference.dssim(self._codec.decode_luma(data, self.pixels))
        return dssim, measuring.seconds

    def encoded(self, quality: int) -> bytes:
        """The file made at a quality that was probed, or at a twin of it."""
        return self._finished(self._bare(quality))

    def _bare(self, quality: int) -> bytes:
        return self._encoded[self._name(quality), self.alpha_quality]

    def _finished(self, bare: bytes) -> bytes:
        return with_metadata(self.format, bare, self.metadata)

    def frames(self, quality: int) -> int:
        """How many frames the file has that was made at a quality."""
        return self._codec.frames(self._bare(quality), self.pixels)

    def dssim_at(self, quality: int) -> float | None:
        """The DSSIM at a quality that was probed, or a twin of it; None if it was not measured."""
        return self.probes[self._probe_of(quality)].dssim

    def may_continue(self, quality: int) -> bool:
        """Whether a probe at `quality`, or its measurement, fits the deadline.

        Raises RequestCancelled if nobody waits.
        """
        remaining = self.deadline.remaining()
        if remaining > 0:
            self.deadline.check()
        above = max(quality - self._slowest_quality, 0)
        expected = self._slowest * HASTE ** (1 + above / 10)
        return remaining == math.inf or remaining > expected + RETURN_SECONDS

    def answer(self, quality: int) -> None:
        """Say that `quality` is the answer: where a twin of it was probed, call that probe so."""
        at = self._probe_of(quality)
        self.probes[at] = replace(self.probes[at], quality=quality)

    def _name(self, quality: int) -> int:
        """What a quality has in common with its twins."""
        return self.equivalents[quality - 1] if self._codec.has_quality else quality

    def _probe_of(self, quality: int) -> int:
        """Which probe encoded at a quality, or a twin of it, with the current quality of alpha."""
        name, alpha = self._name(quality), self.alpha_quality
        return next(
            at
            for at, one in enumerate(self.probes)
            if self._name(one.quality) == name and one.alpha_quality == alpha
        )

    @cached_property
    def features(self) -> npt.NDArray[np.float64] | None:
        """The image's sketch; None of animations, whose first frame says little of the others."""
        return sketch(self.pixels) if self.pixels.frames == 1 else None

    @cached_property
    def size_features(self) -> npt.NDArray[np.float64] | None:
        """The image's sketch in colours, which sizes depend on; None of animations."""
        return None if self.features is None else coloured(self.features, self.pixels)

    @cached_property
    def _reference(self) -> Reference | PassingReference:
        return reference_of(partial(luma, self.pixels), self.pixel_count)


def _seconds(one: Probe) -> float:
    return one.encode_seconds + one.measure_seconds
