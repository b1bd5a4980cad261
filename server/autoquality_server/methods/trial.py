"""Trying qualities on one image: encodings, their measurements, their time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from autoquality_server.codecs import Codec, first_twins
from autoquality_server.deadline import Deadline
from autoquality_server.domain import EncoderOptions, Format, Probe, Timings
from autoquality_server.dssim import Reference
from autoquality_server.image import Pixels, luma
from autoquality_server.methods.sketch import coloured, sketch
from autoquality_server.stages import note, stage

HASTE = 1.3
"""Another probe is taken to last this many times as long as the longest so far, and as many times
again for every 10 qualities that it is above that one: encoders take longer there."""

LIKELY = 0.9
"""How likely the first probe has to end a search for a look at the image to be left out: a sketch
costs a millisecond or two, which a small JPEG does, too."""

RETURN_SECONDS = 0.02
"""Kept back from the deadline for sending the answer."""


class Trial:
    """One image, one encoder setting, and every encoding made of it so far.

    Belongs to one request and one thread. `timings` is filled as it works.
    """

    def __init__(
        self,
        pixels: Pixels,
        codec: Codec,
        options: EncoderOptions,
        deadline: Deadline,
        timings: Timings,
        on_probe: Callable[[Probe], None] | None = None,
    ) -> None:
        """`on_probe` is called with each probe, as soon as it was made."""
        self.pixels = pixels
        self.options = options
        self.timings = timings
        self.probes: list[Probe] = []
        self.deadline = deadline
        self._codec = codec
        self._on_probe = on_probe
        self._encoded: dict[int, bytes] = {}
        self._slowest = 0.0
        self._slowest_quality = 0

    @property
    def format(self) -> Format:
        return self._codec.format

    @property
    def first_twins(self) -> tuple[int, ...]:
        """For each quality 1 to 100 the lowest one that gives the same file."""
        return first_twins(self.format, self.options)

    @property
    def pixel_count(self) -> int:
        """Pixels, all frames counted."""
        return self.pixels.frames * self.pixels.height * self.pixels.width

    def probe(self, quality: int, *, measure: bool) -> Probe:
        """Encode at `quality` and, if asked, measure the DSSIM of the result."""
        self.deadline.check()
        with stage("probe", quality=quality):
            self._encode(quality)
            if measure:
                self._measure(len(self.probes) - 1)
            one = self.probes[-1]
            note(size_bytes=one.size_bytes, dssim=one.dssim)
        took = one.encode_seconds + one.measure_seconds
        if took > self._slowest:
            self._slowest, self._slowest_quality = took, quality
        if self._on_probe is not None:
            self._on_probe(one)
        return one

    def _encode(self, quality: int) -> None:
        start = time.perf_counter()
        try:
            # The deadline lives as long as the call, which may still be sending its answer.
            with stage("encode"), self.deadline.calling(self.pixels.stop):
                data = self._codec.encode(self.pixels, quality, self.options)
        except Exception:
            self.deadline.check()  # failed because it was stopped
            raise
        seconds = time.perf_counter() - start
        self.timings.encode += seconds
        self._encoded[self._name(quality)] = data
        self.probes.append(Probe(quality, len(data), None, seconds, 0.0))

    def measure(self, quality: int) -> None:
        """Measure an encoding that was made, unless that was done."""
        self._measure(self._probe_of(quality))

    def _measure(self, at: int) -> None:
        one = self.probes[at]
        if one.dssim is not None:
            return
        start = time.perf_counter()
        with stage("measure"):
            dssim = self._reference.dssim(
                self._codec.decode_luma(self.encoded(one.quality), self.pixels)
            )
        seconds = time.perf_counter() - start
        self.timings.measure += seconds
        self.probes[at] = replace(one, dssim=dssim, measure_seconds=seconds)

    def encoded(self, quality: int) -> bytes:
        """The file made at a quality that was probed, or at a twin of it."""
        return self._encoded[self._name(quality)]

    def frames(self, quality: int) -> int:
        """How many frames the file has that was made at a quality."""
        return self._codec.frames(self.encoded(quality), self.pixels)

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
        return self.first_twins[quality - 1] if self._codec.has_quality else quality

    def _probe_of(self, quality: int) -> int:
        """Which probe encoded at a quality, or at a twin of it."""
        name = self._name(quality)
        return next(at for at, one in enumerate(self.probes) if self._name(one.quality) == name)

    @cached_property
    def sketch(self) -> npt.NDArray[np.float64] | None:
        """The image's sketch; None of animations, whose first frame says little of the others."""
        return sketch(self.pixels) if self.pixels.frames == 1 else None

    @cached_property
    def coloured_sketch(self) -> npt.NDArray[np.float64] | None:
        """The image's sketch in colours, which sizes depend on; None of animations."""
        return None if self.sketch is None else coloured(self.sketch, self.pixels)

    @cached_property
    def _reference(self) -> Reference:
        return Reference(luma(self.pixels))
