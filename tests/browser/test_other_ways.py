"""Pages as those meet them who come another way: in colours of their own, on paper, without scripts, with long names."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.browser.scenes import Scenes
from tests.browser.served import Served
from tests.browser.test_behaviour import at

Demo = tuple[Served, Scenes]
_COLOURS = """() => {
  const of = (name, property) => getComputedStyle(document.querySelector(name))[property];
  return [of(".qr-code", "backgroundColor"), of(".qr-code path", "stroke")];
}"""


def test_a_code_to_scan_stays_black_on_white(browser: Browser, demo: Demo) -> None:
    dark = {"forced_colors": "active", "color_scheme": "dark"}
    with at(browser, demo, "olga", "/exchanges/{office}/invitation", **dark) as page:
        assert page.evaluate(_COLOURS) == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]


def test_paper_shows_an_invitation_without_the_ways_around_it(browser: Browser, demo: Demo) -> None:
    with at(browser, demo, "olga", "/exchanges/{office}/invitation") as page:
        page.emulate_media(media="print")
        expect(page.locator(".qr-code")).to_be_visible()
        assert [each.inner_text() for each in page.get_by_role("link").all() if each.is_visible()] == []
