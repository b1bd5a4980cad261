"""The command `autoquality`."""

from __future__ import annotations

from typing import Any

import click

from autoquality._cli.batch import batch
from autoquality._cli.command import EXIT_CODES, global_options
from autoquality._cli.compare import compare
from autoquality._cli.encode import encode
from autoquality._cli.errors import Failure, Interrupted
from autoquality._cli.explore import explore
from autoquality._cli.info import info
from autoquality._version import __version__


class _Group(click.Group):
    """A group that reports Ctrl-C and files that cannot be used with one line."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted("interrupted") from None
        except OSError as error:
            if error.filename is None:  # standard output: click and `__main__` report it
                raise
            raise Failure(f"{error.filename}: {error.strerror}") from error


@click.group(
    cls=_Group,
    params=[*global_options()],
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="autoquality")
@click.pass_context
def cli(context: click.Context, /, **options: Any) -> None:
    """Compress images as much as a size or quality target allows.

    The options below are global. They may stand before a command or after it.

    \b
    Examples:
      autoquality info
      autoquality encode photo.png --format webp --target high
      autoquality encode photos/ -o small/ --format avif --target 50kB --min 10 --max 95
      autoquality batch s3://in/photos s3://out/small --manifest photos.jsonl --format webp
      autoquality compare photo.png photo.webp
      autoquality explore --server images.example:50051 --tls
    """  # noqa: D301 (click reads \b)
    context.obj = options


cli.add_command(encode)
cli.add_command(batch)
cli.add_command(compare)
cli.add_command(info)
cli.add_command(explore)
