"""`autoquality info`."""

from __future__ import annotations

import json

import click
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from autoquality._cli.command import Command
from autoquality._cli.errors import failures, one_line
from autoquality._cli.session import Session, print_facts, print_line
from autoquality._results import Limits, NetworkInfo, ServerInfo, as_fields


@click.command(cls=Command, short_help="Show the server's formats, defaults and limits.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def info(session: Session, as_json: bool) -> None:
    """Show the server's formats, defaults, limits, networks and library versions."""
    with session.connect() as client, failures(session.server):
        server = client.info()
    if as_json:
        click.echo(json.dumps(as_fields(server)))
    else:
        _print(session.out(), session.server, server)


def capacity(limits: Limits) -> str:
    """Describe how many requests run and wait, in each process and in total."""
    each = f"{limits.workers} run, {limits.queue_size} wait"
    count = limits.processes
    if count <= 1:
        return each
    total = f"{count * limits.workers} run, {count * limits.queue_size} wait in total"
    return f"{each} in each of {count} processes; {total}"


def _print(console: Console, address: str, server: ServerInfo) -> None:
    limits = server.limits
    print_line(console, f"AutoQuality {server.version} at {address}")
    table = Table()
    for heading in ("writes", "quality", "min", "max", "network"):
        right = heading in ("quality", "min", "max")
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for format in server.formats:
        network = format.network
        table.add_row(
            format.format,
            *(
                "-" if quality is None else str(quality)
                for quality in (format.default_quality, format.min_quality, format.max_quality)
            ),
            _network(network) if network else "-",
        )
    console.print(table, markup=False, highlight=False)
    size = (
        f"{decimal(limits.max_image_bytes)} and {limits.max_resolution_pixels / 1e6:g} megapixels"
    )
    libraries = (" ".join(one) for one in sorted(server.library_versions.items()))
    facts = {
        "reads": ", ".join(server.source_formats),
        "default": str(server.defaults),
        "limits": f"{size} per image; requests: {capacity(limits)}",
        "libraries": ", ".join(libraries),
    }
    print_facts(console, facts.items())


def _network(network: NetworkInfo) -> str:
    version = f" {network.version}" if network.version else ""
    paused = ", paused after failures" if network.resting else ""
    metrics = f" for {', '.join(network.metrics)}" if network.metrics else ""
    text = f"{network.name}{version}{metrics} on {network.device} ({network.sha256[:12]}){paused}"
    return one_line(text)
