"""The command `batch` after its options: from the folders and the servers to the exit."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from autoquality._async_client import AsyncClient
from autoquality._batch.manifest import Manifest
from autoquality._batch.report import Report
from autoquality._batch.run import Job, Run
from autoquality._batch.servers import Server, Servers
from autoquality._batch.storage import Folder
from autoquality._cli.errors import failures
from autoquality._cli.session import Session
from autoquality._options import EncodeOptions

_MANIFEST = "autoquality-manifest.jsonl"


def run(
    session: Session,
    source: str,
    dest: str,
    options: EncodeOptions,
    *,
    manifest_path: Path | None,
    retry_failed: bool,
    in_flight: int,
    memory: int,
    connections: int,
    outage: float,
    as_json: bool,
    quiet: bool,
) -> bool:
    """Run, and return whether no file failed, now or in an earlier run.

    `autoquality batch --help` describes the keywords. Raises click.ClickException.
    """
    job = Job(
        source=Folder(source, connections),
        destination=Folder(dest, connections),
        options=options,
        retry_failed=retry_failed,
        in_flight=in_flight,
        memory=memory * 2**20,
        connections=connections,
    )
    if job.source.is_same_as(job.destination):
        raise click.UsageError("DEST must not be SOURCE: results could replace sources")
    if job.destination.is_local and job.destination.local_path.is_file():
        raise click.UsageError(f"DEST must be a folder: {dest} is a file")
    with Manifest(manifest_path or _default_manifest(job)) as manifest:
        out, err = session.out(), session.err()
        report = Report(out, err, job, manifest, quiet=quiet, as_json=as_json)
        try:
            asyncio.run(_run(session, job, outage, report))
        finally:
            report.print_end()
    return not (report.tally.failed or report.tally.skipped_failed)


def _default_manifest(job: Job) -> Path:
    if not job.destination.is_local:
        raise click.UsageError("--manifest: name a local file, because DEST is not a local folder")
    return job.destination.local_path / _MANIFEST


async def _run(session: Session, job: Job, outage: float, report: Report) -> None:
    try:
        each = [
            Server(target, AsyncClient(target, retries=0, **session.client_options))
            for target in session.servers
        ]
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    servers = Servers(each, outage=outage, results=job.connections, report=report.print_line)
    try:
        with failures(", ".join(session.servers)):
            await servers.start()
        async with report.watching():
            await Run(job, report.manifest, servers, report.tally, report.print_failure).run()
    finally:
        await servers.close()
