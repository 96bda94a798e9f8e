"""Pages as some meet them: in colours of their own, on paper, without scripts, with long names, by ear."""

from __future__ import annotations

from collections import Counter

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import NARROW
from tests.browser.scenes import Scenes
from tests.browser.served import Served
from tests.browser.test_behaviour import at

Demo = tuple[Served, Scenes]
_COLOURS = """() => {
  const of = (name, property) => getComputedStyle(document.querySelector(name))[property];
  return [of(".qr-code", "backgroundColor"), of(".qr-code path", "stroke")];
}"""

# Names and addresses, each made one word of ninety letters.
_LENGTHEN = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode())
    walker.currentNode.data = walker.currentNode.data.replace(
      /Office Wichteln|Family Christmas|Ann|Cleo|Ada|olga@/g, "W".repeat(90));
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


@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("", "/j/{join}"),
        ("olga", "/exchanges/{office}/invitation"),
        ("olga", "/exchanges/{family}/participants/{Ann}"),
        ("olga", "/exchanges/{small}/rules"),
        ("olga", "/account"),
        ("Ann", "/me/talk/recipient"),
        ("olga", "/operations/letters/match/html"),
    ],
)
def test_a_name_in_one_long_word_widens_no_page(browser: Browser, demo: Demo, who: str, path: str) -> None:
    with at(browser, demo, who, path, viewport=NARROW) as page:
        page.evaluate(_LENGTHEN)
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]
        assert page.locator(".matrix thead").evaluate_all(
            "(heads) => heads.every((e) => e.clientHeight < 200)"
        )


@pytest.mark.parametrize("fate", ["is off", "does not arrive"])
def test_ticks_are_saved_by_hand_where_no_script_saves_them(browser: Browser, demo: Demo, fate: str) -> None:
    with at(browser, demo, "olga", "/exchanges/{many}/rules", java_script_enabled=fate != "is off") as page:
        page.route("**/klaus.js*", lambda route: route.abort())
        page.goto(demo[0].url + "/exchanges/{small}/rules".format_map(demo[1].places))
        page.get_by_label("Dirk must not give to Enno").check()
        page.locator("#matrix").get_by_role("button", name="Save").click()
        expect(page.get_by_label("Dirk must not give to Enno")).to_be_checked()
        page.get_by_label("Dirk must not give to Enno").uncheck()
        page.locator("#matrix").get_by_role("button", name="Save").click()
    with at(browser, demo, "olga", "/exchanges/{small}/rules") as page:
        expect(page.get_by_label("Dirk must not give to Enno")).not_to_be_checked()
        expect(page.locator("#matrix").get_by_role("button", name="Save")).to_be_hidden()


def test_no_button_stands_there_that_only_a_script_could_press(browser: Browser, demo: Demo) -> None:
    with at(browser, demo, "olga", "/exchanges/{office}", java_script_enabled=False) as page:
        expect(page.locator("button[data-copy]")).to_be_hidden()


def test_what_is_wrong_takes_the_focus_in_a_part_of_a_page(browser: Browser, demo: Demo) -> None:
    with at(browser, demo, "olga", "/exchanges/{office}/participants") as page:
        page.evaluate("for (const form of document.forms) form.noValidate = true")
        page.locator("#add").get_by_role("button", name="Add", exact=True).click()
        page.wait_for_url("**#add")
        expect(page.get_by_role("alert")).to_be_focused()


def test_a_region_that_renews_itself_keeps_the_focus_and_outlives_an_error(
    browser: Browser, demo: Demo
) -> None:
    with at(browser, demo, "olga", "/operations/outbox") as page:
        link = page.locator("#outbox").get_by_role("link", name="on their way")
        link.focus()
        busy = "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>"
        page.route("**/operations/outbox", lambda route: route.fulfill(status=503, body=busy), times=1)
        for status in (503, 200):
            page.wait_for_event("response", lambda answer, status=status: answer.status == status)
        expect(page.get_by_text("503")).to_have_count(0)
        page.wait_for_timeout(500)  # until the answer stands on the page
        expect(link).to_be_focused()
        expect(page.locator("#outbox[data-hx-get]")).to_be_visible()


def test_those_who_listen_hear_that_names_are_drawn(browser: Browser, demo: Demo) -> None:
    """The region stays the same element: what is put in the place of another one is not told."""
    path = "/exchanges/{stuck}/draw/runs/{refused}"
    with at(browser, demo, "olga", "/exchanges/{stuck}") as page:
        over = page.request.get(demo[0].url + path.format_map(demo[1].places), headers={"HX-Request": "true"})
        assert over.text().lstrip().startswith('<div id="drawing" aria-live="polite">')


@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("Ann", "/me/wish-list"),
        ("olga", "/exchanges/{many}/rules"),
        ("olga", "/operations/jobs"),
        ("olga", "/operations/outbox?state=failed"),
    ],
)
def test_each_button_has_a_name_of_its_own(browser: Browser, demo: Demo, who: str, path: str) -> None:
    with at(browser, demo, who, path) as page:
        buttons = [each for each in page.locator("main button").all() if each.is_visible()]
        names = Counter((each.text_content() or "").strip() for each in buttons)
        assert {name: times for name, times in names.items() if times > 1} == {}
