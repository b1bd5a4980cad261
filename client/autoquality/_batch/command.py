"""The command `batch` after its options: from the folders and the servers to the exit."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from autoquality._async_client import AsyncClient
from autoquality._batch.manifest import Manifest, ManifestError
from autoquality._batch.report import Report
from autoquality._batch.run import Job, Run, StoppedError
from autoquality._batch.servers import NoServersError, Server, Servers
from autoquality._batch.storage import Folder, StorageError
from autoquality._cli.errors import Failure, Unreachable, failures
from autoquality._cli.session import Session
from autoquality._options import EncodeOptions

_MANIFEST = "autoquality-manifest.jsonl"


@dataclass(frozen=True, slots=True)
class Settings:
    """The command line. `autoquality batch --help` describes the options."""

    source: str
    dest: str
    options: EncodeOptions
    manifest: Path | None
    retry_failed: bool
    in_flight: int
    memory: int
    connections: int
    outage: float
    as_json: bool
    quiet: bool


def run(session: Session, settings: Settings) -> bool:
    """Run, and return whether no file failed, now or in an earlier run.

    Raises click.ClickException.
    """
    with _reported():
        job = Job(
            source=Folder(settings.source, settings.connections),
            destination=Folder(settings.dest, settings.connections),
            options=settings.options,
            retry_failed=settings.retry_failed,
            in_flight=settings.in_flight,
            memory=settings.memory,
            connections=settings.connections,
        )
        if job.source.url == job.destination.url:
            raise click.UsageError("DEST must not be SOURCE: results could replace sources")
        with Manifest(settings.manifest or _default_manifest(job)) as manifest:
            report = Report(
                session.out(),
                session.err(),
                job,
                manifest,
                quiet=settings.quiet,
                as_json=settings.as_json,
            )
            try:
                asyncio.run(_run(session, settings, job, report))
            finally:
                report.print_end()
    return not (report.tally.failed or report.tally.skipped_failed)


def _default_manifest(job: Job) -> Path:
    if not job.destination.is_local:
        raise click.UsageError("--manifest: name a local file, because DEST is not a local folder")
    return job.destination.local_path / _MANIFEST


async def _run(session: Session, settings: Settings, job: Job, report: Report) -> None:
    try:
        each = [
            Server(target, AsyncClient(target, retries=0, **session.client_options))
            for target in session.servers
        ]
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    servers = Servers(
        each, outage=settings.outage, results=settings.connections, report=report.print_line
    )
    try:
        with failures(", ".join(session.servers)):
            await servers.start()
        async with report.watching():
            await Run(job, report.manifest, servers, report.tally, report.print_failure).run()
    finally:
        await servers.close()


@contextmanager
def _reported() -> Iterator[None]:
    """Convert the errors of a run to a Failure."""
    try:
        yield
    except NoServersError as error:
        raise Unreachable(f"{error}; the same command continues") from error
    except (StorageError, StoppedError, ManifestError) as error:
        raise Failure(str(error)) from error
