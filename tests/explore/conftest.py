"""A real server, `autoquality explore` in its own process, and Chromium."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

from tests.browser import PROGRAM
from tests.servers import NO_NETWORKS, RunningServer, clean_environment, running_server
from tests.waiting import LIMIT

expect.set_options(timeout=1000 * LIMIT)


@contextmanager
def exploring(
    *options: str, port: int = 0, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run `autoquality OPTIONS explore`. The value is the URL of its page."""
    with subprocess.Popen(
        [sys.executable, "-m", "autoquality", *options, "explore", "--port", str(port)],
        env={**clean_environment(), "no_proxy": "127.0.0.1", **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert " at http://" in line, f"the page did not start: {line!r}"
            yield line.split()[3]
        finally:
            process.terminate()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server"), NO_NETWORKS) as running:
        yield running


@pytest.fixture(scope="package")
def url(server: RunningServer) -> Iterator[str]:
    with exploring("--server", server.address) as url:
        yield url


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium. While it is there, Playwright's event loop runs, and no other can."""
    assert PROGRAM.exists(), "Chromium is missing: run `make chromium`"
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=PROGRAM, args=["--no-sandbox", "--no-proxy-server"]
        )


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """The page in a new window. A script error or a request to another host fails the test."""
    with opened(browser, url) as page:
        yield page


@contextmanager
def opened(browser: Browser, url: str, **options: object) -> Iterator[Page]:
    """Open `url`, and check that the page behaves until the end. `options` are the window's."""
    options = {"viewport": {"width": 1280, "height": 900}, **options}
    with browser.new_context(**options) as context:
        yield from _watched(context, url)


def _watched(context: BrowserContext, url: str) -> Iterator[Page]:
    context.set_default_timeout(1000 * LIMIT)
    page = context.new_page()
    wrong: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        # The browser itself reports each answer with a status of 400 or more.
        if message.type == "error" and "Failed to load resource" not in message.text:
            wrong.append(message.text)

    def on_request(request: Request) -> None:
        if not request.url.startswith((url, f"blob:{url}")):
            wrong.append(f"loads {request.url}")

    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", on_console)
    page.on("request", on_request)
    page.goto(url)
    page.locator("#server.up, #server.down").wait_for()
    yield page
    assert wrong == []
