"""The page with a keyboard, on a phone, and in a dark room."""

from __future__ import annotations

import re

import numpy as np
from playwright.sync_api import Browser, Page, expect

from tests.explore.conftest import opened
from tests.explore.test_page import EXAMPLE, choose, column, encoded, pixels

# Whether the focused element, or the chip around it, has a visible outline.
FOCUS = """() => {
    const one = document.activeElement;
    const ring = getComputedStyle(one.closest(".chip") ?? one);
    const name = one.getAttribute("aria-label") ?? one.name ?? "";
    return {
        name: name || one.textContent.trim(),
        value: one.value ?? "",
        ring: ring.outlineStyle !== "none" && parseFloat(ring.outlineWidth) >= 2,
    };
}"""


def focus_on(page: Page, name: str, value: str = "") -> None:
    """Press Tab until the element with that name or value has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUS)
        assert focused["ring"], f"no visible focus: {focused}"
        if focused["name"].startswith(name) and focused["value"].startswith(value):
            return
    raise AssertionError(f"Tab never reaches {name}")


def test_everything_works_with_the_keyboard_alone(page: Page) -> None:
    focus_on(page, "photograph")
    page.keyboard.press("Enter")
    focus_on(page, "format", "jpeg")
    page.keyboard.press("Space")
    focus_on(page, "format", "avif")
    page.keyboard.press("Space")
    encoded(page, "WEBP")
    expect(page.get_by_role("article")).to_have_count(1)
    focus_on(page, "Image")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Curves")).to_be_focused()
    expect(page.locator("#charts figure")).to_have_count(2)
    page.keyboard.press("End")
    expect(page.locator("#code")).to_contain_text("FORMAT_WEBP")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Image")).to_be_focused()
    focus_on(page, "WEBP: arrow keys")
    edge = pixels(page.locator(".stage"))[60, 1]
    assert np.abs(edge - (31, 95, 139)).max() < 20, "the ring is not cut off at the side"
    before = page.get_by_alt_text("Original").evaluate("(one) => one.style.transform")
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#zoom")).to_have_text("200 %")
    assert page.get_by_alt_text("Original").evaluate("(one) => one.style.transform") != before
    focus_on(page, "WEBP: boundary")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("slider", name="WEBP: boundary")).to_have_value("0.51")
    focus_on(page, "WEBP: quality to show")
    page.keyboard.press("Home")
    expect(column(page, "WEBP")).to_contain_text("quality 10")


def test_every_control_has_a_name(page: Page) -> None:
    choose(page, "cup.png", EXAMPLE.read_bytes())
    encoded(page, "JPEG", "WEBP", "AVIF")
    for role in ("button", "textbox", "slider", "combobox", "checkbox", "radio", "tab", "img"):
        found = page.get_by_role(role, include_hidden=True)
        names = [one.aria_snapshot() for one in found.all() if one.is_visible()]
        assert all('"' in name for name in names), (role, names)


def test_the_end_of_a_search_is_announced(page: Page) -> None:
    choose(page, "cup.png", EXAMPLE.read_bytes())
    encoded(page, "JPEG", "WEBP", "AVIF")
    announced = page.get_by_role("status").filter(has_text="; WEBP: ")
    expect(announced).to_have_text(re.compile(r"^JPEG: −\d\d %, target met; WEBP: .*; AVIF: "))


def test_with_a_palette_of_the_browser_what_is_chosen_still_shows(
    browser: Browser, url: str
) -> None:
    with opened(browser, url, forced_colors="active") as page:
        choose(page, "cup.png", EXAMPLE.read_bytes())
        encoded(page, "JPEG", "WEBP", "AVIF")
        page.evaluate("() => Promise.all([...document.images].map((image) => image.decode()))")
        stage = column(page, "JPEG").locator(".stage")
        thumb = pixels(stage)[-20:, :, 0].min(axis=0)
        assert thumb.min() < 200, "the boundary is visible below the image"
        for chosen, other in (("[value=jpeg]", "[value=png]"), ("#tab-image", "#tab-code")):
            look = [
                page.locator(one).evaluate(
                    "(one) => { const { backgroundColor, borderBottomColor } ="
                    " getComputedStyle(one.closest('.chip') ?? one);"
                    " return [backgroundColor, borderBottomColor]; }"
                )
                for one in (chosen, other)
            ]
            assert look[0] != look[1], chosen


def test_nothing_is_wider_than_a_phone(browser: Browser, url: str) -> None:
    phone = {
        "viewport": {"width": 360, "height": 740},
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    }
    with opened(browser, url, **phone) as page:
        choose(page, f"{'a long name ' * 9}.png", EXAMPLE.read_bytes())
        encoded(page, "JPEG", "WEBP", "AVIF")
        for tab in ("Image", "Curves", "Code"):
            page.get_by_role("tab", name=tab).tap()
            assert page.evaluate("() => document.documentElement.scrollWidth") == 360, tab
        for name in ("Encode", "Choose an image"):
            box = page.get_by_role("button", name=name).bounding_box()
            assert box and box["height"] >= 38 and box["x"] + box["width"] <= 360


def test_one_to_one_is_a_screen_pixel_for_each_image_pixel(browser: Browser, url: str) -> None:
    with opened(browser, url, device_scale_factor=2) as page:
        choose(page, "cup.png", EXAMPLE.read_bytes())
        encoded(page, "JPEG")
        box = column(page, "JPEG").get_by_alt_text("Original").bounding_box()
        assert box and (box["width"], box["height"]) == (96, 64)


def test_it_follows_the_colour_scheme_with_readable_contrast(page: Page) -> None:
    choose(page, "cup.png", EXAMPLE.read_bytes())
    encoded(page, "JPEG", "WEBP", "AVIF")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        brightness = float(np.median(pixels(page.locator("form"))))
        assert brightness < 60 if scheme == "dark" else brightness > 220
        for selector in (
            ".hint",
            "h3",
            ".outcome",
            ".figures",
            ".primary",
            "#server",
            "[role=tab]",
        ):
            for text in page.locator(selector).filter(visible=True).all():
                assert contrast(text) >= 4.5, (selector, text.text_content())
        for control in ("#target", "#method", ".chip", "#choose"):
            assert contrast(page.locator(control).first, "borderTopColor") >= 3, control


def contrast(text, part: str = "color") -> float:
    """The contrast of a text or another part with its background (WCAG 2.2)."""
    ink, paper = text.evaluate(
        """(one, part) => {
            const ink = getComputedStyle(one)[part];
            let paper = getComputedStyle(one).backgroundColor;
            while (paper === "rgba(0, 0, 0, 0)") {
                one = one.parentElement;
                paper = getComputedStyle(one).backgroundColor;
            }
            return [ink, paper].map((color) => color.match(/[0-9.]+/g).slice(0, 3).map(Number));
        }""",
        part,
    )
    light, dark = sorted((luminance(ink), luminance(paper)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(color: list[float]) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in color)
    ]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
