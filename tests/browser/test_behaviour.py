"""What JavaScript, motion, paper and languages add to pages that work without them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.chromium import DESKTOP, NARROW
from tests.browser.scenes import Scenes
from tests.browser.served import Served
from tests.browser.visits import visiting

Demo = tuple[Served, Scenes]
LONGEST_OPENING = 800  # milliseconds
_MOVING = "document.getAnimations().map((each) => each.effect.getComputedTiming().endTime)"
_NOTE_WHAT_IS_SENT = """() => {
  window.sent = [];
  window.addEventListener("submit", (event) => {
    window.sent.push(!event.defaultPrevented);
    event.preventDefault();
  });
}"""
# The text of each element as it stands on the screen, line by line.
_LINES = """(elements) => elements.map((element) => {
  const characters = [], walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walker.nextNode())
    for (let at = 0; at < walker.currentNode.length; at++) {
      const range = document.createRange();
      range.setStart(walker.currentNode, at);
      range.setEnd(walker.currentNode, at + 1);
      characters.push([range.toString(), range.getBoundingClientRect().top]);
    }
  const isLower = (at) => at > 0 && characters[at][1] > characters[at - 1][1] + 2;
  return characters.map(([text], at) => (isLower(at) ? "\\n" : "") + text).join("");
})"""


@contextmanager
def at(browser: Browser, demo: Demo, who: str, path: str, **options: Any) -> Iterator[Page]:
    """A page of the demo on a desktop, with clock and language in Berlin unless said otherwise."""
    instance, scenes = demo
    with visiting(browser, instance.url, scenes, who, **{"viewport": DESKTOP} | options) as visit:
        visit.go(path.format_map(scenes.places))
        yield visit.page


def test_the_opening_is_short(browser: Browser, demo: Demo) -> None:
    with at(browser, demo, "Greta", "/me") as page:
        page.get_by_role("button", name="Break the seal").click()
        page.wait_for_selector(".is-fresh")
        moving: list[float] = page.evaluate(_MOVING)
        assert moving
        assert max(moving) <= LONGEST_OPENING
        page.reload()
        assert page.locator(".opening").count() == 1
        assert page.locator(".is-fresh").count() == 0, "it plays once"


def test_nothing_moves_for_those_who_asked_for_that(browser: Browser, demo: Demo) -> None:
    with at(browser, demo, "Hugo", "/me", reduced_motion="reduce") as page:
        page.get_by_role("button", name="Break the seal").click()
        page.wait_for_selector(".is-fresh")
        assert page.evaluate(_MOVING) == []
        expect(page.locator(".slip-name")).to_be_in_viewport()


@pytest.mark.parametrize(
    ("who", "path", "secret"), [("Ann", "/me", ".slip-name"), ("Ann", "/me/talk/recipient", ".thread")]
)
def test_paper_never_shows_a_match(browser: Browser, demo: Demo, who: str, path: str, secret: str) -> None:
    with at(browser, demo, who, path) as page:
        expect(page.locator(secret).first).to_be_visible()
        page.emulate_media(media="print")
        expect(page.locator(secret).first).to_be_hidden()
        assert [each for each in page.get_by_role("button").all() if each.is_visible()] == []


def test_the_verdict_follows_each_tick(browser: Browser, demo: Demo) -> None:
    """The box of the verdict stays the same element, so that those who listen hear the change."""
    with at(browser, demo, "olga", "/exchanges/{small}/rules") as page:
        verdict = page.locator("#verdict")
        expect(verdict).to_contain_text("A draw is possible")
        expect(verdict).to_have_attribute("aria-live", "polite")
        page.evaluate("window.before = document.getElementById('verdict')")
        for other in ("Ben", "Cleo", "Dirk", "Enno"):
            page.get_by_label(f"Ada must not give to {other}").check()
        expect(verdict).to_contain_text("No draw is possible with these rules", timeout=20_000)
        expect(verdict).to_contain_text("Ada may not give to anybody.")
        assert page.evaluate("window.before === document.getElementById('verdict')")
        page.get_by_label("Ada must not give to Ben").uncheck()
        expect(verdict).to_contain_text("Possible, but some could guess", timeout=20_000)
        page.reload()
        expect(page.get_by_label("Ada must not give to Cleo")).to_be_checked()


def test_a_question_comes_before_what_others_notice(browser: Browser, demo: Demo) -> None:
    with at(browser, demo, "olga", "/exchanges/{office}") as page:
        link = page.get_by_label("Send this link to everybody").input_value()
        page.get_by_role("button", name="Replace the link").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("The old link stops working at once.")
        expect(dialog.get_by_role("button", name="Not now")).to_be_focused()
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        assert page.get_by_label("Send this link to everybody").input_value() == link


def test_a_double_press_sends_a_form_once(browser: Browser, demo: Demo) -> None:
    with at(browser, demo, "Greta", "/me/wish-list") as page:
        page.evaluate(_NOTE_WHAT_IS_SENT)
        page.get_by_label("What would you like?").fill("A double bass")
        page.get_by_role("button", name="Add it").dblclick()
        assert page.evaluate("sent") == [True, False]
        page.wait_for_timeout(3_100)
        page.get_by_role("button", name="Add it").click()
        assert page.evaluate("sent") == [True, False, True], "the first may have got lost"


def test_a_link_is_copied_and_the_button_says_so(browser: Browser, demo: Demo) -> None:
    with at(browser, demo, "olga", "/exchanges/{closed}") as page:
        page.get_by_role("button", name="Open joining again").click()
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.get_by_role("button", name="Copy").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        link = page.get_by_label("Send this link to everybody").input_value()
        assert page.evaluate("navigator.clipboard.readText()") == link


@pytest.mark.parametrize(
    ("zone", "guess"), [("America/New_York", "America/New_York"), ("Asia/Calcutta", "Asia/Kolkata")]
)
def test_the_zone_of_the_browser_is_offered(browser: Browser, demo: Demo, zone: str, guess: str) -> None:
    with at(browser, demo, "olga", "/exchanges/new", timezone_id=zone) as page:
        expect(page.get_by_label("Time zone")).to_have_value(guess)


def test_the_readers_own_time_stands_beside_where_it_differs(browser: Browser, demo: Demo) -> None:
    with at(browser, demo, "", "/j/{join}", timezone_id="Asia/Tokyo") as page:
        expect(page.locator("main .reader").first).to_have_text(re.compile(r"02:00 your time$"))
    with at(browser, demo, "", "/j/{join}", timezone_id="Europe/Berlin") as page:
        assert page.locator("main .reader").count() == 0


def test_errors_are_tied_to_their_fields_and_take_the_focus(browser: Browser, demo: Demo) -> None:
    with at(browser, demo, "", "/j/{join}") as page:
        page.get_by_label("Your name").fill("Ann")
        page.get_by_label("E-mail").fill("ann@home")
        page.get_by_role("button", name="I take part").click()
        expect(page.get_by_role("alert")).to_be_focused()
        address = page.get_by_label("E-mail")
        expect(address).to_have_value("ann@home")
        expect(address).to_have_attribute("aria-invalid", "true")
        described = address.get_attribute("aria-describedby") or ""
        words = " ".join(page.locator(f"#{each}").inner_text() for each in described.split())
        assert words
        page.get_by_role("alert").get_by_role("link").click()
        expect(address).to_be_focused()


def test_what_is_in_a_tab_that_nobody_looks_at_is_not_read(browser: Browser, demo: Demo) -> None:
    def with_news(route: Route) -> None:
        page = route.fetch()
        news = '<form method="post" action="/me/talk/giver/read" data-at-once></form></main>'
        route.fulfill(response=page, body=page.text().replace("</main>", news))

    instance, scenes = demo
    with visiting(browser, instance.url, scenes, "Bob", viewport=DESKTOP) as visit:
        page, sent = visit.page, list[str]()
        page.add_init_script("Object.defineProperty(document, 'hidden', {get: () => !window.isLookedAt})")
        page.route("**/me/talk/giver", with_news)
        page.route("**/read", lambda route: route.abort())
        page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
        visit.go("/me/talk/giver")
        assert sent == []
        with page.expect_request("**/read"):
            page.evaluate("window.isLookedAt = true; document.dispatchEvent(new Event('visibilitychange'))")


def test_a_chosen_language_stays(browser: Browser, demo: Demo) -> None:
    with at(browser, demo, "", "/sign-in") as page:
        page.get_by_role("button", name="Deutsch").click()
        expect(page.locator("html")).to_have_attribute("lang", "de")
        page.goto(page.url.replace("/sign-in", "/privacy"))
        expect(page.locator("html")).to_have_attribute("lang", "de")


def test_an_id_breaks_only_after_its_underscores_and_is_copied_whole(browser: Browser, demo: Demo) -> None:
    with at(browser, demo, "olga", "/operations/jobs", viewport=NARROW) as page:
        ids = page.locator("tbody th code")
        assert "auto_complete_exchanges" in ids.all_inner_texts()
        broken: list[str] = ids.evaluate_all(_LINES)
        assert any(lines.count("\n") > 0 for lines in broken), "else this narrow screen shows nothing"
        assert [lines for lines in broken if re.search(r"[^_]\n", lines)] == []
