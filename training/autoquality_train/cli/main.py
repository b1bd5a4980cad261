"""The command `autoquality-train`."""

from __future__ import annotations

import click

from autoquality._version import __version__
from autoquality_train.cli.corpus import corpus
from autoquality_train.cli.formats import formats
from autoquality_train.cli.label import label
from autoquality_train.cli.options import Failed
from autoquality_train.cli.priors import features, offsets, priors
from autoquality_train.cli.report import report
from autoquality_train.cli.run import run
from autoquality_train.cli.train import train
from autoquality_train.processes import WorkerDied


class _Interrupted(click.ClickException):
    exit_code = 130


class _Group(click.Group):
    """A group that ends with one line after Ctrl-C, a full disk or a dead worker."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            message = "interrupted; run the same command again to continue"
            raise _Interrupted(message) from None
        except WorkerDied as error:
            raise Failed(str(error)) from error
        except BrokenPipeError:
            raise  # click ends without a word
        except OSError as error:
            where = "" if error.filename is None else f"{error.filename}: "
            why = f"{where}{error.strerror or error}"
            message = f"{why}; when this is solved, run the same command again"
            raise Failed(message) from error


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="autoquality-train")
def cli() -> None:
    """Train networks for autoquality-server on your own images, and judge them.

    \b
    With one command:
      autoquality-train corpus debian
      autoquality-train run debian/images --out trained
    \b
    Or step by step, for a folder of photographs and another to judge by:
      autoquality-train label photos --qualities some --out sweeps
      autoquality-train train photos --sweeps sweeps --out networks
      autoquality-train label others --whole --out sweeps
      autoquality-train report others --sweeps sweeps --networks networks --out report
    \b
    Exit codes:
      0    success; skipped files are listed
      1    an error
      2    a wrong command line
      130  interrupted (Ctrl-C, SIGTERM); run the same command again to continue
    """  # noqa: D301 (click reads \b)


for command in (
    *(corpus, label, priors, features, offsets, formats),
    *(train, report, run),
):
    cli.add_command(command)
