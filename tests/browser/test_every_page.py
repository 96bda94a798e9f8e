"""Each page in each state: accessible, valid, narrow, light, quiet, still, usable by keyboard alone."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import Browser
from werkzeug.routing import Rule

from sneaky.web import errors
from tests.browser.markup import Validator
from tests.browser.scenes import Scenes
from tests.browser.served import Served
from tests.browser.tour import ERRORS, NO_PAGES, STOPS, Stop
from tests.browser.visits import Visit, visiting

MOST_BYTES = 60_000
MOST_SHIFT = 0.001
Demo = tuple[Served, Scenes]


def faults_of(visit: Visit, checker: Validator) -> list[str]:
    """Everything that is wrong with an open page, in both themes."""
    html, is_letter = visit.html, visit.page.url.endswith("/html") or "/mailbox/" in visit.page.url
    noted, received = visit.noted(), visit.bytes_received
    faults = [
        *(f"left the host: {url}" for url in visit.strangers()),
        *(f"console: {said}" for said in visit.complaints),
        *(f"refused by the policy: {what}" for what in noted["refused"]),
        *(f"HTML: {fault}" for fault in checker.faults(html, "letter" if is_letter else "page")),
        *visit.too_wide(),
    ]
    if noted["shift"] > MOST_SHIFT:
        faults.append(f"layout moved by {noted['shift']:.3f}")
    if received > MOST_BYTES:
        faults.append(f"{received} bytes received")
    faults += [f"keyboard: {fault}" for fault in visit.unreached()]
    for theme in ("light", "dark"):
        visit.page.emulate_media(color_scheme=theme)
        faults += [f"{theme}: {violation}" for violation in visit.violations(is_page=not is_letter)]
    return faults


@pytest.mark.parametrize("stop", STOPS, ids=[stop.name for stop in STOPS])
def test_page(stop: Stop, demo: Demo, browser: Browser, checker: Validator) -> None:
    instance, scenes = demo
    with visiting(browser, instance.url, scenes, stop.who) as visit:
        visit.go(stop.address(scenes))
        visit.do(stop)
        assert visit.answer is not None
        assert visit.answer.status == stop.status
        visit.complaints = [said for said in visit.complaints if f"status of {stop.status}" not in said]
        assert faults_of(visit, checker) == []


def test_the_first_page_of_all(empty: Served, browser: Browser, checker: Validator) -> None:
    with visiting(browser, empty.url, Scenes()) as visit:
        visit.go(empty.setup_link.removeprefix(empty.url))
        assert faults_of(visit, checker) == []
        visit.go("/")
        assert faults_of(visit, checker) == []


@pytest.mark.parametrize("code", ERRORS)
def test_error_page(code: int, demo: Demo, browser: Browser, checker: Validator, app: Flask) -> None:
    instance, scenes = demo
    with app.test_request_context("/"):
        answer = errors.page(code, retry_after=90 if code in {429, 503} else None)
        page = answer.get_data(as_text=True)
    with visiting(browser, instance.url, scenes) as visit:
        visit.page.route(
            "**/error", lambda route: route.fulfill(status=code, headers=dict(answer.headers), body=page)
        )
        visit.go("/error")
        visit.complaints = [said for said in visit.complaints if f"status of {code}" not in said]
        assert faults_of(visit, checker) == []


def test_every_route_that_shows_a_page_is_on_the_tour(app: Flask) -> None:
    """A new page fails here until the tour has a stop for it."""
    rules: list[Rule] = list(app.url_map.iter_rules())
    shown = {
        rule.endpoint
        for rule in rules
        if "GET" in (rule.methods or set()) and not rule.rule.endswith(".json")
    }
    router = app.url_map.bind("localhost")
    places = Scenes(places=_Anything())
    visited = {router.match(stop.address(places).partition("?")[0])[0] for stop in STOPS}
    assert shown - visited - NO_PAGES.keys() == set()
    assert NO_PAGES.keys() - shown == set()


class _Anything(dict[str, str]):
    """Any place at all, for matching addresses without an instance."""

    def __missing__(self, _name: str) -> str:
        return "x"
