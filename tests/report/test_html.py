"""The HTML report in a real browser: nothing of the evidence is run, nothing is fetched, it fits every width."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report.browser import browsing, needs_browser, show
from tests.report.sample import HOSTILE, report
from tiercel.report.html import html


def test_hostile_names_are_escaped_everywhere() -> None:
    page = html(report(HOSTILE))
    assert "<script" not in page
    assert "<img" not in page
    assert page.count("&lt;script&gt;") >= 8


def test_direction_marks_are_shown() -> None:
    assert "gpj.\\u202eexe" in html(report("gpj.\u202eexe"))


def test_needs_nothing_else() -> None:
    page = html(report())
    assert "default-src 'none'" in page
    assert "http://www.w3.org/2000/svg" in page  # a name, not an address that is asked
    assert "src=" not in page.replace("default-src", "")
    assert "url(http" not in page


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with browsing(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html(report(HOSTILE)), "utf-8")
    return path


@needs_browser
@pytest.mark.slow
def test_a_process_named_script_stays_text(driver: Any, page: Path) -> None:
    show(driver, page)
    assert driver.title == "Case of the web shell"
    assert driver.execute_script("return document.scripts.length + document.images.length") == 0
    story = driver.execute_script("return document.querySelector('ol.story').innerText")
    assert HOSTILE in story
    assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 800, 1400])
def test_fits_and_is_readable(driver: Any, page: Path, width: int, dark: bool) -> None:
    show(driver, page, width=width, dark=dark)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    assert _contrast(driver, "h1") >= 7
    assert _contrast(driver, ".about") >= 4.5
    assert _contrast(driver, ".badge.grave") >= 4.5


@needs_browser
@pytest.mark.slow
def test_prints_on_paper(driver: Any, page: Path) -> None:
    show(driver, page, dark=True, paper=True)
    assert driver.execute_script("return getComputedStyle(document.querySelector('nav')).display") == "none"
    assert driver.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def _contrast(driver: Any, selector: str) -> float:
    """Return the contrast of an element's text to what is behind it, as WCAG 2 counts it."""
    ink, ground = driver.execute_script(
        """const element = document.querySelector(arguments[0]);
        let behind = element, color = 'rgba(0, 0, 0, 0)';
        while (behind && color === 'rgba(0, 0, 0, 0)') {
          color = getComputedStyle(behind).backgroundColor; behind = behind.parentElement;
        }
        return [getComputedStyle(element).color, color];""",
        selector,
    )
    light, dark = sorted((_luminance(ink), _luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    parts = [int(part) / 255 for part in color[color.index("(") + 1 : -1].split(",")[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
