"""The links of all documents lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import ROOT, run

PAGES = [ROOT / name for name in run("git", "ls-files", "*.md").split()]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def broken(page: Path) -> Iterator[str]:
    """Relative links of a page to a missing file or heading."""
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"\w+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_has_a_file_and_a_heading(page: Path) -> None:
    assert list(broken(page)) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# Here, there\n```\n# not a heading\n```\n")
    page = tmp_path / "page.md"
    right = ["other.md", "other.md#here-there", "https://nowhere.example/#x"]
    wrong = ["gone.md", "other.md#gone", "#gone", "other.md#not-a-heading"]
    page.write_text(" ".join(f"[text]({link})" for link in right + wrong))
    assert list(broken(page)) == wrong


def test_the_readme_links_every_document() -> None:
    readme = (ROOT / "README.md").read_text()
    pages = [str(page.relative_to(ROOT)) for page in PAGES if page.parent in (ROOT, ROOT / "docs")]
    assert [page for page in pages if page != "README.md" and f"({page}" not in readme] == []
