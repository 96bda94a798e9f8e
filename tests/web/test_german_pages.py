"""German pages speak German: nothing that we wrote stands on one word for word as it does in English."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO

import pytest
from babel.messages.pofile import read_po
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from sneaky import __version__
from sneaky.cli import Composer
from sneaky.cli.main import sneaky
from sneaky.core.db import db
from sneaky.models import Exchange, Household, Letter, Organizer, Participant, WishListItem
from sneaky.web import errors
from tests.browser.scenes import Scenes, set_up
from tests.browser.tour import ERRORS, STOPS, Stop
from tests.factories import an_organizer
from tests.web.reading import Page
from tests.web.routes import Audience, routes
from tests.web.signing_in import csrf_token
from tests.web.test_translations import GERMAN
from tests.web.worlds import Asker, World, a_world, absent

ENGLISH_ONLY = ("/styleguide", "/mailbox")  # for developers
# What people type. Whatever else is alike in both languages has to be so in the catalogue.
_TYPED = (
    *(Exchange.name, Exchange.place, Exchange.message, Household.name),
    *(Participant.name, Participant.email, Organizer.name, Organizer.email, Letter.to_email),
    *(WishListItem.title, WishListItem.note, WishListItem.url),
)
_SEALED = (
    "Do you like marzipan? Asking for a friend.",
    "Whoever you are: no candles, please. The cat!",
    *("Ann Miller", "Bakery Lane 4", "12 Fir Lane"),
)
_NAMES = (
    *("Sneaky Klaus", __version__, "English", "Deutsch", "localhost"),
    *("New York", "Berlin", "Ann", "Bob", "Miller", "Zoe", "ms", "kB", "MB"),
)
# Addresses, and how a database calls itself.
_SPELLED = re.compile(r"\S+@\S+|https?://\S*|(SQLite|PostgreSQL) \d.*")
_WORD = re.compile(r"[A-Za-z][a-z]")


class Reader:
    """Somebody who reads every page in both languages, and knows what need not be translated."""

    def __init__(self) -> None:
        catalogue = read_po(BytesIO((GERMAN / "messages.po").read_bytes()), locale="de")
        self._alike = {message.id for message in catalogue if message.id and message.id == message.string}
        typed = {str(value) for column in _TYPED for value in db.session.scalars(select(column)) if value}
        lines = {line for text in typed for line in text.splitlines()}
        known = sorted({*typed, *lines, *_SEALED, *_NAMES}, key=len, reverse=True)
        self._known = re.compile("|".join(rf"(?<!\w){re.escape(text)}(?!\w)" for text in known))

    def left_in_english(self, english: str, german: str) -> list[str]:
        """What stands on both pages alike, and was typed by nobody."""
        both = Page(english).texts & Page(german).texts - self._alike
        return [text for text in both if _WORD.search(self._known.sub("", _SPELLED.sub("", text)))]


class Tourist:
    """Somebody's browser in one language, on the way to a stop of the tour."""

    def __init__(self, app: Flask, scenes: Scenes, stop: Stop, language: str) -> None:
        self._client: FlaskClient = app.test_client()
        self._client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
        if stop.who:
            self._client.set_cookie("sneaky", scenes.cookies[stop.who])
        self._address, self._stop = stop.address(scenes), stop
        self.page = self._client.get(self._address, follow_redirects=True)

    def sends(self, english: Page) -> TestResponse:
        """What comes back for the form of this stop, whose labels are those of the English page."""
        form, token = english.form(self._stop.press), csrf_token(self.page.text)
        typed = {english.field(label)[0]: text for label, text in self._stop.fill.items()}
        ticked = dict(english.field(label) for label in self._stop.tick)
        sent = form.values | typed | ticked | {"csrf_token": token}
        return self._client.post(form.action or self._address, data=sent, follow_redirects=True)


@pytest.fixture
def demo(app_with: Callable[..., Flask]) -> tuple[Flask, Scenes]:
    """The demo with every state beside it, as developers have it."""
    app = app_with(env="development", signup="open", mail_rate=100_000)
    composer = Composer(lambda: app, *[lambda *_: None] * 3)
    assert CliRunner().invoke(sneaky, ["demo"], obj=composer).exit_code == 0
    db.session.rollback()  # see what the command, in a context of its own, has written
    return app, set_up()


def test_every_page_of_the_tour_speaks_german(demo: tuple[Flask, Scenes]) -> None:
    app, scenes = demo
    reader, left = Reader(), dict[str, list[str]]()
    for stop in STOPS:
        if not stop.path.startswith(ENGLISH_ONLY):
            english, german = (Tourist(app, scenes, stop, language) for language in ("en", "de"))
            pages = [english.page, german.page]
            if stop.press:
                labels = Page(english.page.text)
                pages = [english.sends(labels), german.sends(labels)]
            assert [page.status_code for page in pages] == [stop.status] * 2, stop.name
            left[stop.name] = reader.left_in_english(*(page.text for page in pages))
    assert len(left) > 100
    assert {name: texts for name, texts in left.items() if texts} == {}


def test_whatever_a_form_refuses_is_refused_in_german(app: Flask) -> None:
    """Each form is sent empty, by whomever it is for, in a world that speaks English and in one like it."""
    admin = an_organizer(is_admin=True)
    english, german = (_what_empty_forms_say(app, a_world(), admin, language) for language in ("en", "de"))
    reader = Reader()
    left = {form: reader.left_in_english(page, german[form]) for form, page in english.items()}
    assert len(left) > 100
    assert {form: texts for form, texts in left.items() if texts} == {}


@pytest.mark.parametrize("code", ERRORS)
def test_every_error_page_speaks_german(app: Flask, code: int) -> None:
    pages = []
    for language in ("en", "de"):
        with app.app_context(), app.test_request_context(headers={"Accept-Language": language}):
            pages.append(
                errors.page(code, retry_after=90 if code in {429, 503} else None).get_data(as_text=True)
            )
    assert Reader().left_in_english(*pages) == []


def _what_empty_forms_say(app: Flask, world: World, admin: int, language: str) -> dict[tuple[str, bool], str]:
    """The page that answers each form, by its route and whether the exchange has been drawn."""
    askers = {
        Audience.EVERYBODY: Asker(app),
        Audience.BEARER: Asker(app),
        Audience.PARTICIPANT: Asker(app, participant=world.people[1]),
        Audience.ORGANIZER: Asker(app, organizer=world.organizer),
        Audience.ADMIN: Asker(app, organizer=admin),
    }
    for asker in askers.values():
        asker.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    said = {}
    for route in routes(app, *askers):
        if "POST" in route.methods and route.rule.endpoint != "signin.sign_out":
            asker = askers[route.audience]
            for ids in (world.drawn, world.registering):
                came = asker.ask("POST", route.address(absent() | ids))
                page = asker.client.get(came.location) if came.location else came
                said[route.rule.rule, ids is world.drawn] = page.text
    return said
