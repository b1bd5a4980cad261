"""A summary of many results, instead of a row for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.filesize import decimal

from autoquality._cli.batch import Done, Failed, Result, Skipped
from autoquality._cli.report import percent_saved
from autoquality._cli.session import print_line

MANY = 20
"""More images than this get a summary by default."""

_MAX_REASONS = 5


def print_summary(console: Console, results: Sequence[Result]) -> None:
    """Print counts by outcome, notice and failure, and the bytes before and after."""
    done = [result for result in results if isinstance(result, Done)]
    failed = [result for result in results if isinstance(result, Failed)]
    tried = [result for result in failed if result.tried]
    counts = {
        "encoded": len(done),
        "skipped": sum(isinstance(result, Skipped) for result in results),
        "failed": len(tried),
        "not tried": len(failed) - len(tried),
    }
    parts = [f"{count} {name}" for name, count in counts.items() if count]
    print_line(console, f"images    {len(results)}: {', '.join(parts) or 'none'}")
    if done:
        before = sum(result.source_bytes for result in done)
        after = sum(result.encoded.size_bytes for result in done)
        saved = percent_saved(before, after)
        print_line(console, f"bytes     {decimal(before)} to {decimal(after)}, {saved} saved")
        if larger := sum(result.is_larger for result in done):
            print_line(console, f"larger    {larger} than their sources")
        formats = [str(result.encoded.format) for result in done]
        if len(set(formats)) > 1:
            print_line(console, f"formats   {_counted(formats)}")
        outcomes = (result.encoded.outcome.replace("_", " ") for result in done)
        print_line(console, f"outcomes  {_counted(outcomes)}")
    notices = {notice.code: notice.message for result in done for notice in result.encoded.notices}
    codes = Counter(notice.code for result in done for notice in result.encoded.notices)
    for code, count in codes.most_common():
        print_line(console, f"notice    {count} x {notices[code]}")
    reasons = Counter(result.reason for result in tried)
    for reason, count in reasons.most_common(_MAX_REASONS):
        print_line(console, f"failure   {count} x {reason}")
    if len(reasons) > _MAX_REASONS:
        print_line(console, f"failure   and {len(reasons) - _MAX_REASONS} other reasons, see above")


def _counted(values: Iterable[str]) -> str:
    return ", ".join(f"{count} {value}" for value, count in Counter(values).most_common())
