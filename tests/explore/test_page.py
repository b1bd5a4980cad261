"""The page in Chromium, with a real server behind it."""

from __future__ import annotations

import base64
import re
from contextlib import ExitStack

import numpy as np
import pyvips
from playwright.sync_api import Browser, Locator, Page, Route, expect

from autoquality.testing import FakeServer
from tests.commands import ROOT
from tests.explore.conftest import exploring, opened
from tests.photos import animation, crop, with_alpha

EXAMPLE = ROOT / "docs/example.png"


def choose(page: Page, name: str, data: bytes) -> None:
    page.set_input_files("#file", {"name": name, "mimeType": "", "buffer": data})


def drop(page: Page, name: str, data: bytes) -> None:
    transfer = page.evaluate_handle(
        """([name, data]) => {
            const transfer = new DataTransfer();
            const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
            transfer.items.add(new File([bytes], name));
            return transfer;
        }""",
        [name, base64.b64encode(data).decode()],
    )
    for event in ("dragover", "drop"):
        page.dispatch_event("main", event, {"dataTransfer": transfer})


def column(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=name)


def encoded(page: Page, *names: str) -> None:
    """Wait for the result of each format."""
    for name in names:
        expect(column(page, name).locator("footer")).to_be_visible()


def pixels(locator: Locator) -> np.ndarray:
    """What the browser shows of an element: (height, width, 3)."""
    shot = pyvips.Image.new_from_buffer(locator.screenshot(), "")
    return np.asarray(shot.numpy(), np.int16)[..., :3]


def only(page: Page, *formats: str) -> None:
    """Choose these formats and no others."""
    for box in page.locator("[name=format]").all():
        box.set_checked((box.get_attribute("value") or "") in formats, force=True)


def test_a_dropped_file_is_encoded_in_every_chosen_format(page: Page) -> None:
    drop(page, "cup.png", EXAMPLE.read_bytes())
    encoded(page, "JPEG", "WEBP", "AVIF")
    expect(page.locator("#source")).to_have_text("cup.png · 192 × 128, 66.6 kB")
    for name in ("JPEG", "WEBP", "AVIF"):
        expect(column(page, name)).to_contain_text(
            re.compile(r"SSIMULACRA2 (6[89]|7[012])\.\d · DSSIM 0\.\d+")
        )
        expect(column(page, name).locator(".saved")).to_have_text(re.compile(r"^−\d\d %$"))


def test_a_pasted_image_is_encoded(page: Page) -> None:
    only(page, "webp")
    page.evaluate(
        """(data) => {
            const clipboardData = new DataTransfer();
            const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
            clipboardData.items.add(new File([bytes], "image.png"));
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
        }""",
        base64.b64encode(EXAMPLE.read_bytes()).decode(),
    )
    encoded(page, "WEBP")


def test_both_examples_are_encoded(page: Page) -> None:
    only(page, "webp")
    for name, source in (("photograph", "coffee.jpg"), ("screenshot", "screenshot.png")):
        page.get_by_role("button", name=name).click()
        expect(page.locator("#source")).to_contain_text(source)
        encoded(page, "WEBP")


def test_the_slider_divides_original_and_result_in_all_panes(page: Page) -> None:
    only(page, "jpeg", "webp")
    page.select_option("#method", "none")
    page.fill("#target", "5")
    choose(page, "cup.png", EXAMPLE.read_bytes())
    encoded(page, "JPEG", "WEBP")
    page.evaluate("() => Promise.all([...document.images].map((image) => image.decode()))")

    stage = column(page, "JPEG").locator(".stage")
    box = stage.bounding_box()
    assert box
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def move(target: float) -> np.ndarray:
        page.mouse.move(*middle)
        page.mouse.down()
        page.mouse.move(target, middle[1], steps=5)
        page.mouse.up()
        shown = pixels(stage)
        page.get_by_role("slider", name="JPEG: boundary").evaluate(
            "(slider) => { slider.value = 0.5; slider.dispatchEvent(new Event('input')); }"
        )
        return shown

    original, result = move(box["x"] + box["width"]), move(box["x"])
    both = pixels(stage)
    # Without the slider itself and the labels.
    height, width = both.shape[0], both.shape[1]
    rows = slice(height // 2 + 30, height)
    left, right = slice(60, width // 2 - 30), slice(width // 2 + 30, width - 60)
    assert np.abs(original[rows, left] - result[rows, left]).max() > 30
    assert (both[rows, left] == original[rows, left]).all()
    assert (both[rows, right] == result[rows, right]).all()
    page.get_by_role("slider", name="JPEG: boundary").press("ArrowLeft")
    expect(page.get_by_role("slider", name="WEBP: boundary")).to_have_value("0.49")


def test_zoom_and_pan_are_the_same_in_all_panes(page: Page) -> None:
    only(page, "jpeg", "webp")
    choose(page, "cup.png", crop("coffee.png", 400, 300))
    encoded(page, "JPEG", "WEBP")

    def transforms() -> list[str]:
        return [
            image.evaluate("(one) => one.style.transform") for image in page.locator("img").all()
        ]

    before = transforms()
    assert len(set(before)) == 1 and before[0].endswith("scale(1)")
    for _ in range(2):
        page.get_by_role("button", name="Zoom in").click()
    box = column(page, "WEBP").locator(".stage").bounding_box()
    assert box
    page.mouse.move(box["x"] + 40, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 70, box["y"] + 50)
    page.mouse.up()
    after = transforms()
    assert len(set(after)) == 1 and after[0].endswith("scale(4)")
    expect(page.locator("#zoom")).to_have_text("400 %")
    column(page, "JPEG").locator(".stage").press("0")
    expect(page.locator("#zoom")).to_have_text("100 %")


def test_the_difference_map_shows_what_changed(page: Page) -> None:
    only(page, "jpeg", "png")
    choose(page, "cup.png", EXAMPLE.read_bytes())
    encoded(page, "JPEG", "PNG")
    page.get_by_text("difference", exact=True).click()
    maps = {}
    for name in ("JPEG", "PNG"):
        canvas = column(page, name).locator("canvas")
        expect(canvas).to_have_js_property("width", 192)
        maps[name] = pixels(canvas)
    assert maps["PNG"].max() == 0, "PNG is lossless"
    assert maps["JPEG"].max() > 100
    expect(page.locator("#ramp-end")).to_have_text("32 of 255")


def test_a_target_is_a_word_or_a_number_of_the_method(page: Page) -> None:
    only(page, "jpeg")
    choose(page, "cup.png", EXAMPLE.read_bytes())
    encoded(page, "JPEG")
    page.get_by_role("button", name="medium").click()
    expect(column(page, "JPEG")).to_contain_text(re.compile(r"SSIMULACRA2 (49|50|51)\.\d"))
    page.fill("#target", "80.5")
    page.press("#target", "Enter")
    expect(column(page, "JPEG")).to_contain_text(re.compile(r"SSIMULACRA2 (79|80|81)\.\d"))
    page.select_option("#method", "dssim")
    page.get_by_role("button", name="0.005").click()
    expect(column(page, "JPEG")).to_contain_text(re.compile(r"DSSIM 0\.00[4-6]"))
    page.select_option("#method", "size")
    page.fill("#target", "3000")
    page.press("#target", "Enter")
    expect(column(page, "JPEG")).to_contain_text(re.compile(r"2\.\d+ kB of 66\.6 kB"))


def test_the_curves_have_every_probe_and_a_point_shows_its_image(page: Page) -> None:
    only(page, "webp")
    choose(page, "cup.png", EXAMPLE.read_bytes())
    encoded(page, "WEBP")
    page.get_by_role("tab", name="Curves").click()
    expect(page.locator("#curves-status")).to_be_empty()
    encodings = int((column(page, "WEBP").text_content() or "").split(" encoding")[0].split()[-1])
    expect(page.locator("#charts figure")).to_have_count(2)
    for chart in page.locator("#charts svg").all():
        expect(chart.locator(".point.answer")).to_have_count(1)
        expect(chart.locator(".point.tried")).to_have_count(encodings - 1)
    assert page.locator("#charts svg").first.locator(".point").count() >= 8
    page.locator("#charts svg").first.locator(".point").first.click()
    expect(column(page, "WEBP")).to_contain_text("quality 10")
    expect(column(page, "WEBP").locator("a")).to_have_attribute("download", "cup.webp")


def test_an_encoding_that_cannot_be_made_leaves_the_figures_of_the_image_shown(page: Page) -> None:
    only(page, "jpeg")
    choose(page, "cup.png", EXAMPLE.read_bytes())
    encoded(page, "JPEG")
    figures = column(page, "JPEG").locator(".figures").first
    shown = figures.text_content() or ""
    page.get_by_role("tab", name="Curves").click()
    expect(page.locator("#curves-status")).to_be_empty()
    page.route("**/api/encode*", lambda route: route.abort())
    page.locator("#charts .point.tried").first.click()
    expect(page.locator("#failure")).to_contain_text("does not answer")
    expect(figures).to_have_text(shown)
    page.unroute("**/api/encode*")
    page.locator("#charts .point.tried").first.click()
    expect(page.locator("#charts .point.tried + .shown, .shown + .point.tried")).to_have_count(2)
    expect(figures).not_to_have_text(shown)


def test_another_encoding_of_an_animation_begins_together_with_the_original(page: Page) -> None:
    only(page, "webp")
    page.select_option("#method", "none")
    for name, source, again in (("film", animation(), True), ("cup", EXAMPLE.read_bytes(), False)):
        choose(page, name, source)
        encoded(page, "WEBP")
        expect(page.get_by_alt_text("Original")).to_have_attribute("src", re.compile("blob:"))
        before = page.get_by_alt_text("Original").get_attribute("src") or ""
        page.get_by_role("tab", name="Curves").click()
        expect(page.locator("#curves-status")).to_be_empty()
        page.get_by_role("slider", name="WEBP: quality to show").press("Home")
        expect(page.get_by_alt_text("WEBP result")).to_have_js_property("complete", True)
        after = page.get_by_alt_text("Original").get_attribute("src")
        assert (after != before) is again, name


def test_the_best_format_has_its_candidates_and_all_controls(page: Page) -> None:
    only(page, "jpeg", "webp")
    page.locator("[name=best]").check()
    choose(page, "cup.png", EXAMPLE.read_bytes())
    encoded(page, "JPEG", "WEBP", "BEST")
    best = column(page, "BEST")
    expect(best.get_by_role("list", name="candidates")).to_contain_text("JPEG")
    expect(best.locator(".tag.right")).to_have_text(re.compile("^(JPEG|WEBP)$"))
    best.get_by_role("link", name="save BEST").click(trial=True)


def test_notices_are_shown(page: Page) -> None:
    only(page, "jpeg")
    choose(page, "cup.png", with_alpha())
    encoded(page, "JPEG")
    expect(column(page, "JPEG").locator(".notices")).to_contain_text("no transparency")


def test_a_pane_names_the_format_that_replaces_the_chosen_one(page: Page) -> None:
    only(page, "avif")
    choose(page, "icon.png", crop("coffee.png", 15, 15))
    encoded(page, "AVIF")
    expect(column(page, "AVIF").locator(".notices")).to_contain_text("JPEG")
    expect(column(page, "AVIF").locator(".tag.right")).to_have_text("JPEG")
    expect(page.get_by_role("img", name="JPEG result")).to_be_visible()


def test_the_progress_is_shown_until_the_result(page: Page) -> None:
    only(page, "avif")
    noise = pyvips.Image.gaussnoise(1000, 800, mean=128, sigma=40).cast("uchar")
    choose(page, "noise.png", bytes(noise.pngsave_buffer(compression=1)))
    working = column(page, "AVIF").get_by_role("status")
    expect(working.get_by_role("progressbar")).to_be_visible()
    expect(working).to_have_text(re.compile("encoding|tried quality"))
    encoded(page, "AVIF")


def test_a_format_that_browsers_cannot_show_is_converted(page: Page) -> None:
    only(page, "webp")
    tiff = pyvips.Image.new_from_file(str(EXAMPLE)).tiffsave_buffer()
    choose(page, "scan.tiff", bytes(tiff))
    encoded(page, "WEBP")
    expect(page.locator("#source")).to_have_text("scan.tiff · 192 × 128, 74 kB")
    width = column(page, "WEBP").get_by_alt_text("Original").evaluate("(one) => one.naturalWidth")
    assert width == 192


def test_errors_name_their_field(page: Page) -> None:
    choose(page, "notes.txt", b"no image")
    expect(page.locator("#image-error")).to_contain_text("notes.txt: Not an image")
    choose(page, "cup.png", EXAMPLE.read_bytes())
    encoded(page, "JPEG")
    expect(page.locator("#image-error")).to_be_empty()

    def error(field: str, value: str, message: str) -> None:
        page.locator(f"[name={field}]").fill(value)
        page.get_by_role("button", name="Encode").click()
        expect(page.locator(f"#{field}-error")).to_contain_text(message)
        expect(page.locator(f"[name={field}]")).to_have_attribute("aria-invalid", "true")

    error("target", "a lot", "or one of low, medium, high")
    error("target", "700", "from 0 to 100; is 700")
    error("max_quality", "101", "must be a whole number from 1 to 100, not '101'")
    page.fill("[name=max_quality]", "95")
    page.fill("#target", "high")
    error("min_quality", "99", "99 is above max_quality 95")
    page.get_by_role("tab", name="Curves").click()
    expect(page.locator("#curves")).to_be_hidden()
    page.fill("[name=min_quality]", "10")
    only(page)
    expect(page.locator("#format-error")).to_have_text("Choose one format or more.")


def test_markup_in_a_name_stays_text(page: Page) -> None:
    only(page, "webp")
    name = "<img src=x onerror=alert(1)>.png"
    choose(page, name, EXAMPLE.read_bytes())
    encoded(page, "WEBP")
    expect(page.locator("#source")).to_contain_text(name)
    page.get_by_role("tab", name="Code").click()
    expect(page.locator("#code")).to_contain_text("<img src=x onerror=alert(1)>.png")
    assert page.locator("[src=x]").count() == 0


def test_the_code_is_that_of_the_chosen_language_and_format(page: Page) -> None:
    choose(page, "cup.png", EXAMPLE.read_bytes())
    encoded(page, "JPEG", "WEBP", "AVIF")
    page.get_by_role("tab", name="Code").click()
    expect(page.locator("#code")).to_contain_text("FORMAT_JPEG")
    page.select_option("#code-format", "AVIF")
    page.get_by_text("Go", exact=True).click()
    expect(page.locator("#code")).to_contain_text("pb.Format_FORMAT_AVIF")
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("#copied")).not_to_be_empty()


def test_a_server_that_goes_away_is_reported_in_plain_words(browser: Browser) -> None:
    with ExitStack() as stack, ExitStack() as running:
        server = running.enter_context(FakeServer())
        url = stack.enter_context(exploring("--server", server.target))
        page = stack.enter_context(opened(browser, url))
        running.close()
        choose(page, "cup.png", EXAMPLE.read_bytes())
        expected = f"The server {server.target} cannot be reached. Start it with autoquality-server"
        expect(page.get_by_role("alert").filter(has_text=expected)).to_be_visible()
        expect(page.locator("#server")).to_contain_text("not available")
        page.reload()
        expect(page.get_by_role("alert").filter(has_text=expected)).to_be_visible()
        expect(page.locator("#server")).to_contain_text("not available")


def test_an_image_waits_for_a_server_that_answers_late(browser: Browser, url: str) -> None:
    with browser.new_page() as page:
        held: list[Route] = []
        page.route("**/api/server", lambda route: held.append(route))  # noqa: PLW0108 - Playwright sets an attribute
        page.goto(url)
        choose(page, "cup.png", EXAMPLE.read_bytes())
        expect(page.locator("#source")).to_have_text("Reading …")
        held[0].continue_()
        encoded(page, "JPEG", "WEBP", "AVIF")
