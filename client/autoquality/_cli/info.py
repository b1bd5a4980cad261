"""`autoquality info`."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from autoquality._cli.exits import failures, one_line
from autoquality._cli.session import Session, say
from autoquality._results import FormatInfo, NetworkInfo, ServerInfo


@click.command(short_help="Tell the server's formats, defaults and limits.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def info(session: Session, as_json: bool) -> None:
    """Tell the server's formats, defaults, limits, networks and versions."""
    with session.connect() as client, failures(session.server):
        server = client.info()
    if as_json:
        click.echo(json.dumps(_as_dict(server)))
    else:
        _print(session.out(), session.server, server)


def _as_dict(server: ServerInfo) -> dict[str, Any]:
    defaults, limits = server.defaults, server.limits
    return {
        "version": server.version,
        "formats": [_format_as_dict(format) for format in server.formats],
        "source_formats": list(server.source_formats),
        "defaults": {
            "method": defaults.method,
            "target": defaults.target,
            "min_quality": defaults.min_quality,
            "max_quality": defaults.max_quality,
            "allowed_error": defaults.allowed_error,
        },
        "limits": {
            "max_image_bytes": limits.max_image_bytes,
            "max_resolution_pixels": limits.max_resolution_pixels,
            "workers": limits.workers,
            "queue_size": limits.queue_size,
        },
        "library_versions": dict(server.library_versions),
    }


def _format_as_dict(format: FormatInfo) -> dict[str, Any]:
    network = format.network
    return {
        "format": format.format,
        "default_quality": format.default_quality,
        "min_quality": format.min_quality,
        "max_quality": format.max_quality,
        "network": network
        and {
            "name": network.name,
            "sha256": network.sha256,
            "device": network.device,
            "version": network.version,
            "resting": network.resting,
        },
    }


def _print(console: Console, address: str, server: ServerInfo) -> None:
    limits = server.limits
    say(console, f"AutoQuality {server.version} at {address}")
    table = Table()
    for heading in ("writes", "quality", "min", "max", "network"):
        right = heading in ("quality", "min", "max")
        table.add_column(heading, justify="right" if right else "left")
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
    say(console, f"reads     {', '.join(server.source_formats)}")
    say(console, f"default   {server.defaults}")
    say(
        console,
        f"limits    {decimal(limits.max_image_bytes)} and "
        f"{limits.max_resolution_pixels / 1e6:g} megapixels an image; "
        f"{limits.workers} at once, {limits.queue_size} waiting",
    )
    versions = sorted(server.library_versions.items())
    say(console, f"libraries {', '.join(f'{name} {version}' for name, version in versions)}")


def _network(network: NetworkInfo) -> str:
    version = f" {network.version}" if network.version else ""
    resting = ", resting after failures" if network.resting else ""
    text = f"{network.name}{version} on {network.device} ({network.sha256[:12]}){resting}"
    return one_line(text)
