"""How values are written for people."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from flask import Flask, g, render_template_string, session
from flask_babel import force_locale
from markupsafe import Markup

from sneaky.web import filters
from tests.factories import a_participant, an_exchange
from tests.web.signing_in import sign_in_participant

EVE = datetime(2026, 12, 24, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "zone", "text", "place"),
    [
        ("en", "Europe/Berlin", "Thu 24 Dec 2026, 18:00", "Berlin"),
        ("en", "Asia/Tokyo", "Fri 25 Dec 2026, 02:00", "Tokyo"),
        ("en", "America/Argentina/Buenos_Aires", "Thu 24 Dec 2026, 14:00", "Buenos Aires"),
        ("en", "UTC", "Thu 24 Dec 2026, 17:00", "UTC"),
        ("en", "Etc/GMT+1", "Thu 24 Dec 2026, 16:00", "GMT+1"),
        ("de", "Europe/Rome", "Do., 24. Dez. 2026, 18:00", "Rom"),
    ],
)
def test_an_instant_is_written_in_its_zone_with_weekday(
    app: Flask, language: str, zone: str, text: str, place: str
) -> None:
    with app.test_request_context(), force_locale(language):
        moment = filters.moment(EVE, zone)
    assert (moment.text, moment.place, moment.zone, moment.utc) == (text, place, zone, EVE)
    assert moment.reader is None


def test_summer_and_winter_are_told_apart(app: Flask) -> None:
    with app.test_request_context():
        assert filters.moment(datetime(2026, 7, 1, 12, tzinfo=UTC), "Europe/Berlin").text.endswith("14:00")
        assert filters.moment(datetime(2026, 12, 1, 12, tzinfo=UTC), "Europe/Berlin").text.endswith("13:00")


@pytest.mark.parametrize(
    ("own_zone", "reader"), [("Asia/Tokyo", "Fri 25 Dec 2026, 02:00"), ("Europe/Paris", ""), (None, None)]
)
def test_the_readers_own_time_stands_beside_where_it_differs(
    app: Flask, own_zone: str | None, reader: str | None
) -> None:
    app.add_url_rule("/when", view_func=lambda: {"reader": filters.moment(EVE, "Europe/Berlin").reader})
    client = app.test_client()
    sign_in_participant(client, a_participant(an_exchange(), zone=own_zone))
    assert client.get("/when").json == {"reader": reader}


@pytest.mark.parametrize(("own_zone", "asks_browser"), [("Europe/Berlin", False), (None, True)])
def test_the_browser_is_asked_only_where_nobody_chose_a_zone(
    app: Flask, own_zone: str | None, asks_browser: bool
) -> None:
    client = app.test_client()
    sign_in_participant(client, a_participant(an_exchange(zone="Europe/Berlin"), zone=own_zone))
    assert ("data-local" in client.get("/me").text) is asks_browser


def test_outside_of_a_request_and_on_error_pages_there_is_no_reader(app: Flask) -> None:
    assert filters.moment(EVE, "Europe/Berlin").reader is None
    with app.test_request_context():
        g.asks_nobody = True
        assert filters.moment(EVE, "Europe/Berlin").reader is None
        assert not session.modified


@pytest.mark.parametrize(
    ("language", "at", "zone", "text"),
    [
        ("en", EVE, "Europe/Berlin", "Thursday, 24 December 2026"),
        ("en", EVE, "Asia/Tokyo", "Friday, 25 December 2026"),
        ("en", date(2026, 12, 24), "Asia/Tokyo", "Thursday, 24 December 2026"),
        ("en", "2026-12-24", "Asia/Tokyo", "Thursday, 24 December 2026"),
        ("de", EVE, "Europe/Berlin", "Donnerstag, 24. Dezember 2026"),
    ],
)
def test_a_day_is_written_with_weekday(
    app: Flask, language: str, at: datetime | date | str, zone: str, text: str
) -> None:
    with app.test_request_context(), force_locale(language):
        assert filters.day(at, zone) == text


@pytest.mark.parametrize(
    ("language", "amount", "currency", "text"),
    [
        ("en", "20", "EUR", "€20"),
        ("en", "20.00", "USD", "$20"),
        ("en", "12.50", "GBP", "£12.50"),
        ("en", "1234", "JPY", "¥1,234"),
        ("de", "20", "EUR", "20\u00a0€"),
        ("de", "12.50", "EUR", "12,50\u00a0€"),
        ("en", "0", "EUR", "€0"),
    ],
)
def test_money_is_written_without_empty_cents(
    app: Flask, language: str, amount: str, currency: str, text: str
) -> None:
    with app.test_request_context(), force_locale(language):
        assert filters.money(Decimal(amount), currency) == text


def test_no_amount_is_nothing(app: Flask) -> None:
    assert filters.money(None, "EUR") == ""


@pytest.mark.parametrize(
    ("delta", "text"),
    [
        (timedelta(days=9), "in 9 days"),
        (timedelta(hours=-2), "2 hours ago"),
        (timedelta(minutes=5), "in 5 minutes"),
        (timedelta(days=-40), "40 days ago"),
        (timedelta(days=90), "in 3 months"),
    ],
)
def test_how_far_an_instant_is(app: Flask, delta: timedelta, text: str) -> None:
    with app.test_request_context(), time_machine.travel(EVE, tick=False):
        assert filters.relative(EVE + delta) == text


def test_typed_line_breaks_stay_and_nothing_else_gets_through(app: Flask) -> None:
    with app.test_request_context():
        text = render_template_string("{{ text|lines }}", text="a\n<b>\r\nc & d")
    assert text == "a<br>&lt;b&gt;<br>c &amp; d"


@pytest.mark.parametrize(
    ("text", "shown"), [("erased on Monday", "Erased on Monday"), ("", ""), ("ÄB", "ÄB")]
)
def test_a_sentence_begins_with_a_capital(text: str, shown: str) -> None:
    assert filters.capitalize_first(text) == shown


def test_markup_stays_markup_when_capitalized() -> None:
    assert isinstance(filters.capitalize_first(Markup("<b>x</b>")), Markup)
