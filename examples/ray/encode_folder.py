"""Encode a folder of images with Ray Data: each to its smallest file that looks good enough.

    python encode_folder.py photos/ small/ --target high
    python encode_folder.py s3://shop/photos s3://shop/small --manifest s3://shop/manifest

An actor for each processor core loads the networks once, reads its files, and writes the results.
Only names and rows of the manifest pass through Ray, so an actor's memory is that of one image. A
lost node loses no file: Ray repeats its tasks, and the same image gives the same bytes and name.
"""

from __future__ import annotations

import argparse
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import ray
from pyarrow import fs

import autoquality_core as aq

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".jxl", ".heic", ".gif", ".tif", ".tiff")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # libvips, OpenCV: by aq
LIMITS = aq.ImageLimits(max_bytes=256 * 2**20, max_pixels=100_000_000)
TEXTS = ("source", "output", "outcome", "format", "error")
NUMBERS = ("source_bytes", "size_bytes", "quality")
SCHEMA = pa.schema(
    [(name, pa.string()) for name in TEXTS]
    + [(name, pa.int64()) for name in NUMBERS]
    + [("ssimulacra2", pa.float64())]
)


class Encoder:
    """An actor. `source` and `dest` are URLs of folders, `options` those of `aq.encode`."""

    def __init__(self, source: str, dest: str, options: dict[str, Any]) -> None:
        self.files, self.source = fs.FileSystem.from_uri(source)
        self.results, self.dest = fs.FileSystem.from_uri(dest)
        self.options = options
        self.networks = aq.bundled_networks()

    def __call__(self, batch: pa.Table) -> pa.Table:
        return pa.Table.from_pylist([self.encode(name.as_py()) for name in batch["name"]], SCHEMA)

    def encode(self, name: str) -> dict[str, Any]:
        """Encode the file and return its row of the manifest; a damaged file is a row, too."""
        row: dict[str, Any] = {"source": name}
        try:
            with self.files.open_input_file(f"{self.source}/{name}") as file:
                data = file.read(LIMITS.max_bytes + 1)
            result = aq.encode(data, networks=self.networks, limits=LIMITS, **self.options)
        except (aq.ServiceError, OSError, MemoryError) as error:
            return row | {"outcome": "failed", "error": f"{type(error).__name__}: {error}"}
        output = f"{name}.{result.format.value}"
        self.write(f"{self.dest}/{output}", result.image)  # its errors are those of the job
        sizes = {"source_bytes": len(data), "size_bytes": len(result.image)}
        scores = {"quality": result.quality, "ssimulacra2": result.scores.get("ssimulacra2")}
        answer = {"outcome": result.outcome.value, "format": result.format.value}
        return row | {"output": output} | answer | sizes | scores

    def write(self, path: str, data: bytes) -> None:
        """Write a file that is complete whenever it is seen; an object store needs no rename."""
        is_local = isinstance(self.results, fs.LocalFileSystem)
        part = f"{path}.{uuid.uuid4().hex}.part" if is_local else path
        if is_local:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        with self.results.open_output_stream(part) as file:
            file.write(data)
        if is_local:
            self.results.move(part, path)


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
    ray.init(runtime_env={"env_vars": ONE_THREAD})
    cores = int(ray.cluster_resources()["CPU"])
    size = max(1, min(1000, len(names) // (8 * cores)))
    blocks = [pa.table({"name": names[at : at + size]}) for at in range(0, len(names), size)]
    rows = ray.data.from_arrow(blocks).map_batches(
        Encoder,
        fn_constructor_kwargs=folders | {"options": options},
        batch_format="pyarrow",
        batch_size=10,
        num_cpus=1,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=cores, initial_size=cores),
    )
    rows.write_parquet(uri(args.manifest or f"{args.dest}/manifest"), mode="overwrite")


if __name__ == "__main__":
    main()
