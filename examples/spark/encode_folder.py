"""Encode a folder of images with Spark: each to its smallest file that looks good enough.

    spark-submit encode_folder.py photos/ small/ --target high
    spark-submit encode_folder.py s3://shop/photos s3://shop/small --manifest s3a://shop/manifest

A Python worker for each core loads the networks once, reads its files, and writes the results.
Only names and rows of the manifest pass through Spark, so a worker's memory is that of one image. A
lost executor loses no file: Spark repeats its tasks, and the same image gives the same bytes and
name.
"""

from __future__ import annotations

import argparse
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import fs
from pyspark.sql import SparkSession

import autoquality_core as aq

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".jxl", ".heic", ".gif", ".tif", ".tiff")
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # libvips and OpenCV: by aq
LIMITS = aq.ImageLimits(max_bytes=256 * 2**20, max_pixels=100_000_000)
SCHEMA = (
    "source string, output string, outcome string, format string, error string, "
    "source_bytes long, size_bytes long, quality long, ssimulacra2 double"
)
Frames = Iterable[pd.DataFrame]


def encoder(source: str, dest: str, options: dict[str, Any]) -> Callable[[Frames], Frames]:
    """The function for `mapInPandas`: names of files to rows of the manifest."""

    def encode_all(batches: Frames) -> Iterator[pd.DataFrame]:
        files, root = fs.FileSystem.from_uri(source)
        results, out = fs.FileSystem.from_uri(dest)
        networks = aq.bundled_networks()  # once for each process
        columns = [field.split()[0] for field in SCHEMA.split(", ")]
        for batch in batches:
            rows = [encode(name, files, root, results, out, networks) for name in batch["name"]]
            yield pd.DataFrame(rows, columns=columns, dtype=object)

    def encode(
        name: str, files: fs.FileSystem, root: str, results: fs.FileSystem, out: str, networks: Any
    ) -> dict[str, Any]:
        """Encode the file and return its row of the manifest; a damaged file is a row, too."""
        row: dict[str, Any] = {"source": name}
        try:
            with files.open_input_file(f"{root}/{name}") as file:
                data = file.read(LIMITS.max_bytes + 1)
            result = aq.encode(data, networks=networks, limits=LIMITS, **options)
        except (aq.ServiceError, OSError, MemoryError) as error:
            return row | {"outcome": "failed", "error": f"{type(error).__name__}: {error}"}
        output = f"{name}.{result.format.value}"
        write(results, f"{out}/{output}", result.image)  # its errors are those of the job
        sizes = {"source_bytes": len(data), "size_bytes": len(result.image)}
        scores = {"quality": result.quality, "ssimulacra2": result.scores.get("ssimulacra2")}
        answer = {"outcome": result.outcome.value, "format": result.format.value}
        return row | {"output": output} | answer | sizes | scores

    return encode_all


def write(results: fs.FileSystem, path: str, data: bytes) -> None:
    """Write a file that is complete whenever it is seen; an object store needs no rename."""
    is_local = isinstance(results, fs.LocalFileSystem)
    part = f"{path}.{uuid.uuid4().hex}.part" if is_local else path
    if is_local:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    with results.open_output_stream(part) as file:
        file.write(data)
    if is_local:
        results.move(part, path)


def uri(text: str) -> str:
    """A folder or a URL as a URL, without a slash at its end."""
    return text.rstrip("/") if "://" in text else Path(text).absolute().as_uri()


def score(text: str) -> float | str:
    """A score, or a word for one."""
    return float(text) if text[:1].isdigit() else text


def names_in(source: str) -> list[str]:
    """The images of a folder, relative to it and in order."""
    files, root = fs.FileSystem.from_uri(source)
    found = files.get_file_info(fs.FileSelector(root, recursive=True))
    images = (info.path for info in found if info.path.lower().endswith(SUFFIXES))
    return sorted(path.removeprefix(f"{root}/") for path in images)


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    given.add_argument("source", help="a folder, or a URL such as s3://bucket/folder")
    given.add_argument("dest", help="where results go, under the same names with a second suffix")
    given.add_argument("--manifest", help="a folder of Parquet files (default: DEST/manifest)")
    given.add_argument("--formats", default="avif,webp,jpeg", help="the candidates")
    given.add_argument("--target", default="high", type=score, help="a SSIMULACRA2 score or word")
    args = given.parse_args()
    folders = {"source": uri(args.source), "dest": uri(args.dest)}

    names = names_in(folders["source"])
    # Wrong options fail here, and not once for each file.
    options = {"output": args.formats.split(","), "method": "ssimulacra2", "target": args.target}
    aq.encode(aq.RawSource(8, 8, 1, bytes(64)), **options)
    builder = SparkSession.builder.appName("autoquality")
    builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", 10)
    for name in ONE_THREAD:
        builder.config(f"spark.executorEnv.{name}", 1)
    spark = builder.getOrCreate()
    parts = max(8 * spark.sparkContext.defaultParallelism, len(names) // 1000)
    rows = spark.createDataFrame(pa.table({"name": names})).repartition(parts)
    rows = rows.mapInPandas(encoder(**folders, options=options), SCHEMA)
    rows.write.mode("overwrite").parquet(uri(args.manifest or f"{args.dest}/manifest"))


if __name__ == "__main__":
    main()
