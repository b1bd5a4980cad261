"""Starts a server and `autoquality explore`, or draws the picture of docs/explore.md.

python demo/explore.py [--port 8050]
python demo/explore.py --picture docs/explore.webp
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from running_server import running_server

CHROMIUM = Path(__file__).parents[1] / ".tools/chromium/bin/chromium"


def explore(address: str, port: int) -> subprocess.Popen[str]:
    """Start the page for the server at `address`. Its first line has its own address."""
    command = [sys.executable, "-m", "autoquality", "--server", address, "explore"]
    return subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.PIPE, text=True)


def draw(url: str, path: Path) -> None:
    """Write what the page shows of the example photograph."""
    import pyvips
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(url)
        page.fill("#target", "low")
        page.get_by_role("button", name="photograph").click()
        page.locator("article footer").nth(2).wait_for()
        page.get_by_role("button", name="Zoom in").click()
        page.evaluate("() => Promise.all([...document.images].map((image) => image.decode()))")
        shot = page.screenshot(full_page=True)
        browser.close()
    picture = pyvips.Image.new_from_buffer(shot, "")
    picture.write_to_file(str(path), Q=85, keep="none")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--server", metavar="HOST:PORT", help="use this server")
    parser.add_argument("--port", type=int, default=8050, help="port of the page (default: 8050)")
    parser.add_argument("--picture", type=Path, help="write a picture of the page, and end")
    arguments = parser.parse_args()
    print("Starting the server ...", flush=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(arguments.server, Path(folder) / "server.log") as address,
        explore(address, 0 if arguments.picture else arguments.port) as process,
    ):
        assert process.stdout
        try:
            line = process.stdout.readline()
            print(line, end="", flush=True)
            if arguments.picture:
                draw(line.split()[3], arguments.picture)
            else:
                process.wait()
        except KeyboardInterrupt:
            pass
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
