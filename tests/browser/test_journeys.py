"""The two ways that must stay short, walked on a phone and a desktop, with JavaScript and without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from sneaky.core.clock import now
from tests.browser.chromium import DESKTOP, PHONE
from tests.browser.served import Served

PEOPLE = ("Ann", "Bob", "Carla", "Dayo")
MOST_PAGES = 4
EVERYWHERE = pytest.mark.parametrize(
    ("size", "has_scripts"),
    [(PHONE, True), (PHONE, False), (DESKTOP, True), (DESKTOP, False)],
    ids=["phone", "phone-plain", "desktop", "desktop-plain"],
)


class Walk:
    """A person on their way: which pages they saw, and how often they pressed a button or a link."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.pages: list[str] = []
        self.presses = 0
        page.on("framenavigated", lambda frame: self.pages.append(urlsplit(frame.url).path))

    def open(self, link: str) -> None:
        """Follow a link from outside, such as one in a letter."""
        self.page.goto(link)

    def press(self, name: str) -> None:
        """Press the button or link with this name, and see the page that it leads to."""
        self.presses += 1
        words = re.compile(rf"^{re.escape(name)}")
        button, link = (
            self.page.locator("main").get_by_role(role, name=words) for role in ("button", "link")
        )
        with self.page.expect_navigation():
            button.or_(link).first.click()

    @property
    def different_pages(self) -> list[str]:
        """Each page once, in the order of the first look; every one of them was opened, not only passed."""
        return list(dict.fromkeys(self.pages))


@contextmanager
def walking(browser: Browser, size: Any, *, has_scripts: bool) -> Iterator[Walk]:
    context = browser.new_context(viewport=size, java_script_enabled=has_scripts, locale="en-GB")
    yield Walk(context.new_page())
    context.close()


def draw(walk: Walk, instance: Served) -> None:
    """From nothing to a finished draw, as somebody does who has the names at hand."""
    page = walk.page
    walk.open(instance.setup_link)
    page.get_by_label("Your name").fill("Olga")
    page.get_by_label("E-mail").fill("olga@example.org")
    page.get_by_label("Password").fill("mulled wine and nutmeg")
    walk.press("Make my account")

    page.get_by_label("What is it called?").fill("Family Christmas")
    day = now() + timedelta(days=30)
    page.get_by_label("Date and time").fill(f"{day:%Y-%m-%d}T18:00")
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    lines = "\n".join(f"{name}, {name.lower()}@example.org" for name in PEOPLE)
    page.get_by_label("Who takes part?").fill(lines)
    walk.press("Create and open for joining")

    walk.press("Draw names")
    page.get_by_label("Draw anyway").check()
    walk.press("Draw now")
    expect(page.get_by_role("status")).to_contain_text("Drawn! 4 letters go out now.")


@EVERYWHERE
def test_both_journeys(empty: Served, browser: Browser, size: Any, has_scripts: bool) -> None:
    with walking(browser, size, has_scripts=has_scripts) as olga:
        draw(olga, empty)
        assert len(olga.different_pages) <= MOST_PAGES, olga.different_pages
        assert olga.presses <= MOST_PAGES

    letter = empty.letter_to("ann@example.org", "envelope")
    (link,) = set(re.findall(r"http://\S+/m/[\w-]+", letter.text))
    with walking(browser, size, has_scripts=has_scripts) as ann:
        ann.open(link)
        expect(ann.page.get_by_role("heading", level=1)).to_have_text("Hello Ann")
        assert [name for name in PEOPLE if name in ann.page.inner_text("main")] == ["Ann"]
        ann.press("Break the seal")
        assert ann.page.locator("h1").inner_text() in PEOPLE[1:]
        assert (len(ann.pages), ann.presses) == (2, 1)
