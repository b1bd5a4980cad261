"""Measures what is done with sources: predicted qualities, smaller images, estimated qualities.

python -m bench.sources IMAGES...     some ten seconds for each image

An image is encoded as JPEG, WebP and AVIF. Without a search: for budgets that qualities 45 and 75
just meet, and for scores. Shrunk: for budgets that are a share of the file at quality 70. The
quality of a JPEG is estimated from tables that are not those of Annex K, and compared with the
quality that has the same SSIMULACRA2 with those of Annex K. The kind of an image is `photographs`
or `graphics`, by its folder. Above 1.5 megapixels, only the middle is used.
"""

from __future__ import annotations

import io
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from itertools import chain

import numpy as np
from PIL import Image, JpegPresets

from autoquality_core.formats import Encoder, EncoderOptions, JpegEncoder, JpegOptions
from autoquality_core.images import ImageLimits, Pixels
from autoquality_core.metrics import METRICS, SSIMULACRA2
from autoquality_core.pipeline.defaults import Defaults
from autoquality_core.pipeline.job import EncodeJob, EncodeResult
from autoquality_core.pipeline.library import bundled_networks
from autoquality_core.pipeline.pipeline import Pipeline
from autoquality_core.pipeline.source_quality import source_quality
from autoquality_core.runtime.deadline import Deadline
from autoquality_core.types import Format, Method, RawSource, TargetSpec
from autoquality_train.corpus.samples import Sample
from bench.command import add_images, add_jobs, of_each_image, parser
from bench.jpegli import Curve, curve_of
from bench.record import Measure, Record, record_of, short
from bench.record.changes import finish
from bench.record.markdown import NOTHING, made, number, table
from bench.targets import ENCODERS, GRAPHICS, PHOTO_FOLDERS, PHOTOGRAPHS, raw

SKIPPED, SHRUNK, ESTIMATED = "no search", "shrunk", "estimated quality"
ENCODINGS, USED = "encodings", "share of the budget"
QUALITIES = (45, 75)
TARGETS = {Method.DSSIM: 0.02, Method.SSIMULACRA2: 70.0}
SHARES = (0.7, 0.3, 0.08)
LOWEST = 70
TABLES = tuple((table, quality) for table in range(1, 9) for quality in (40, 60, 80))
GRID = tuple(range(20, 101, 5))

Key = tuple[str, str, str, str]
"""What was measured, of which answers, for which format and which kind of image."""

_LIMITS = ImageLimits(2**30, 2**30)


@cache
def pipeline(max_search_pixels: float) -> Pipeline:
    """The pipeline of this process, with the bundled networks."""
    return Pipeline(Defaults(), _LIMITS, bundled_networks(), max_search_pixels=max_search_pixels)


def encode(
    source: RawSource, fmt: Format, method: Method, target: float, *, shrink: bool
) -> EncodeResult:
    """The answer without a search, or with one and fewer pixels."""
    spec = TargetSpec(method, target, LOWEST if shrink else 1, 100)
    options = EncoderOptions(may_shrink=shrink)
    metrics = (METRICS[method.value],) if method.value in METRICS else ()
    job = EncodeJob(source, fmt, spec, None, options, metrics)
    return pipeline(float("inf") if shrink else 0).encode(job, Deadline())


def values_of(sample: Sample) -> list[tuple[Key, float]]:
    """Every value measured on one image."""
    pixels = sample.pixels()
    source = raw(pixels)
    kind = PHOTOGRAPHS if any(one in sample.kind for one in PHOTO_FOLDERS) else GRAPHICS
    found: list[tuple[Key, float]] = []
    for encoder in ENCODERS:
        fmt = encoder.format
        for what, part, value in (
            *_without_search(source, pixels, encoder),
            *_with_fewer_pixels(source, pixels, encoder),
        ):
            found.append(((what, part, fmt.name, kind), value))
    found += [
        ((ESTIMATED, name, "JPEG", ""), equal) for name, equal in _equal_qualities(pixels).items()
    ]
    return found


def _without_search(
    source: RawSource, pixels: Pixels, encoder: Encoder
) -> Iterator[tuple[str, str, float]]:
    for quality in QUALITIES:
        budget = len(encoder.encode(pixels, quality))
        answer = encode(source, encoder.format, Method.SIZE, budget, shrink=False)
        yield ENCODINGS, SKIPPED, len(answer.probes)
        yield USED, SKIPPED, len(answer.image) / budget
    for method, target in TARGETS.items():
        answer = encode(source, encoder.format, method, target, shrink=False)
        yield f"{method.name} for {target:g}", SKIPPED, answer.scores[method.value]


def _with_fewer_pixels(
    source: RawSource, pixels: Pixels, encoder: Encoder
) -> Iterator[tuple[str, str, float]]:
    full = len(encoder.encode(pixels, LOWEST))
    for share in SHARES:
        budget = round(share * full)
        answer = encode(source, encoder.format, Method.SIZE, budget, shrink=True)
        smaller = [one for one in answer.probes if one.size_bytes < full]
        if answer.width < pixels.width:
            yield ENCODINGS, f"{SHRUNK}, {share:.0%}", len(smaller)
            yield USED, f"{SHRUNK}, {share:.0%}", len(answer.image) / budget
            yield "share of the width", f"{SHRUNK}, {share:.0%}", answer.width / pixels.width


def _writers() -> dict[str, Callable[[Pixels], bytes]]:
    """JPEG encoders whose tables are not those of Annex K, by a name."""
    found: dict[str, Callable[[Pixels], bytes]] = {}
    for quant_table, quality in TABLES:
        options = JpegOptions(quant_table=quant_table, no_subsample=True)
        encoder = JpegEncoder(options)
        found[f"mozjpeg {quant_table} at {quality}"] = partial(
            lambda encoder, quality, pixels: encoder.encode(pixels, quality), encoder, quality
        )
    for name in JpegPresets.presets:
        found[f"Photoshop {name}"] = partial(_by_photoshop, name)
    return found


def _by_photoshop(name: str, pixels: Pixels) -> bytes:
    file = io.BytesIO()
    samples = pixels.samples[0] if pixels.bands == 3 else pixels.samples[0, ..., 0]
    tables = JpegPresets.presets[name]["quantization"]
    Image.fromarray(samples).save(file, "JPEG", qtables=tables, subsampling=0)
    return file.getvalue()


def _equal_qualities(pixels: Pixels) -> dict[str, float]:
    """For each of `_writers`, the quality with the tables of Annex K and the same score."""
    encoder = JpegEncoder(JpegOptions(no_subsample=True))
    curve: Curve = curve_of(pixels, encoder.encode, encoder.decode)
    scores = np.maximum.accumulate([curve(quality)[0] for quality in GRID])
    reference = SSIMULACRA2.reference(pixels)
    found = {}
    for name, write in _writers().items():
        score = reference.score(JpegEncoder().decode(write(pixels), pixels))
        found[name] = float(np.interp(score, scores, GRID))
    return found


def measures_of(values: Mapping[Key, list[float]]) -> Iterator[Measure]:
    """Means of encodings, medians of other values with their 10th and 90th percentiles."""
    away = []
    grey = Pixels(np.zeros((1, 8, 8, 3), np.uint8))
    files = {name: write(grey) for name, write in _writers().items()}
    for (what, part, fmt, kind), some in values.items():
        if what == ESTIMATED:
            estimate = source_quality(files[part], JpegEncoder(), 1)
            away.append(abs((estimate or 0) - float(np.median(some))))
            continue
        low, middle, high = (short(float(one)) for one in np.percentile(some, [10, 50, 90]))
        unit = "encodings" if what == ENCODINGS else "share" if "share" in what else "points"
        if what == ENCODINGS:
            middle = short(float(np.mean(some)))
        yield Measure(what, part, fmt, kind, middle, low, high, unit, "neither", len(some))
        if what == USED:
            most = short(max(some))
            named = "largest share of the budget", part, fmt, kind
            yield Measure(*named, most, most, most, "share", "lower", len(some), 1.0)
    mean, most = short(float(np.mean(away))), short(max(away))
    yield Measure(ESTIMATED, "error", "JPEG", "", mean, mean, most, "points", "lower", len(away))


def skipped_page(record: Record) -> str:
    """Encodings and use of the budget without a search, and the scores of predicted qualities."""
    whats = (
        ENCODINGS,
        USED,
        *(f"{method.name} for {target:g}" for method, target in TARGETS.items()),
    )
    return f"{_about(record)}\n\n{_table(record, (SKIPPED,), whats)}"


def shrunk_page(record: Record) -> str:
    """Encodings, use of the budget and widths of smaller images."""
    parts = [f"{SHRUNK}, {share:.0%}" for share in SHARES]
    return f"{_about(record)}\n\n{_table(record, parts, (ENCODINGS, USED, 'share of the width'))}"


def estimate_page(record: Record) -> str:
    """The errors of estimated qualities."""
    one = record.one(what=ESTIMATED)
    if one is None:
        return NOTHING
    return (
        f"Over {one.count} tables and {record.arguments['images']} images, the estimate is "
        f"{one.value:.1f} qualities away on average, and at most {one.high:.0f}, from the quality "
        f"with the same SSIMULACRA2. {made(record)}."
    )


def _about(record: Record) -> str:
    return f"{record.arguments['images']} images. {made(record)}."


def _table(record: Record, parts: list[str] | tuple[str, ...], whats: tuple[str, ...]) -> str:
    header = (
        ("images", "format", "budget", *whats) if len(parts) > 1 else ("images", "format", *whats)
    )
    rows = []
    for kind in (PHOTOGRAPHS, GRAPHICS):
        for encoder in ENCODERS:
            for part in parts:
                named = {"by": part, "setting": encoder.format.name, "goal": kind}
                cells = [_cell(record.one(what=what, **named)) for what in whats]
                budget = (part.removeprefix(f"{SHRUNK}, "),) if len(parts) > 1 else ()
                rows.append((kind, encoder.format.name, *budget, *cells))
    return table(header, rows)


def _cell(measure: Measure | None) -> str:
    if measure is None:
        return NOTHING
    if measure.unit == "encodings":
        return f"{measure.value:.2f}"
    if measure.unit == "share":
        return f"{measure.value:.0%} ({measure.low:.0%}–{measure.high:.0%})"
    return f"{number(measure.value)} ({number(measure.low)}–{number(measure.high)})"


def page(record: Record) -> str:
    """Everything, for the terminal."""
    return "\n\n".join((skipped_page(record), shrunk_page(record), estimate_page(record)))


def main() -> int:
    given = parser("bench.sources", __doc__)
    add_images(given)
    add_jobs(given)
    args = given.parse_args()
    found = of_each_image(given, args, values_of)
    values: dict[Key, list[float]] = defaultdict(list)
    for key, value in chain.from_iterable(found):
        values[key].append(value)
    record = record_of("sources", measures_of(values), {"images": len(found)})
    return finish(record, page(record), args.results)


if __name__ == "__main__":
    sys.exit(main())
