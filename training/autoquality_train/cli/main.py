"""The command `autoquality-train`."""

from __future__ import annotations

import click

from autoquality._version import __version__
from autoquality_train.cli.corpus import corpus
from autoquality_train.cli.exits import Interrupted
from autoquality_train.cli.features import features
from autoquality_train.cli.label import label
from autoquality_train.cli.offsets import offsets
from autoquality_train.cli.priors import priors
from autoquality_train.cli.report import report
from autoquality_train.cli.roughness import roughness
from autoquality_train.cli.run import run
from autoquality_train.cli.train import train


class _Group(click.Group):
    """A group that Ctrl-C ends with one line and the shell's usual exit code."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted from None


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="autoquality-train")
def cli() -> None:
    """Train networks for autoquality-server on your own images, and judge them.

    \b
    All in one:
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
      0    all went well; files that were left out are listed
      1    something failed
      2    the command line is wrong
      130  interrupted; run the same command again to go on
    """  # noqa: D301 (click reads \b)


for command in (corpus, label, priors, features, offsets, roughness, train, report, run):
    cli.add_command(command)
