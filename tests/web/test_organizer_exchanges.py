"""The dashboard, planning an exchange, its page, and joining opened and closed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from sneaky.core.clock import now
from sneaky.core.db import db
from sneaky.exchanges import join_links, lifecycle
from sneaky.models import Exchange, ExchangeState, LetterState, Participant
from tests.factories import an_exchange, an_organizer, participants
from tests.web.exchanging import drawn, name_of, organized, path_of, settle_letters
from tests.web.signing_in import press, sign_in_organizer

WELL = {
    "name": "Family Christmas",
    "event_local": f"{now().year + 1}-12-24T18:00",
    "zone": "Europe/Berlin",
    "place": "Grandma's",
    "budget": "12,50",
    "currency": "EUR",
    "message": "Bring a cake.\nAnd songs.",
    "registration_ends_local": "",
    "reminder_days": "7, 3 1",
}


def exchanges() -> list[Exchange]:
    db.session.expire_all()
    return list(db.session.scalars(select(Exchange)))


def test_the_empty_dashboard_names_the_first_step(client: FlaskClient) -> None:
    sign_in_organizer(client, an_organizer())
    page = client.get("/exchanges").text
    assert "No exchange yet" in page
    assert 'href="/exchanges/new"' in page


def test_the_dashboard_shows_only_own_exchanges_each_with_what_comes_next(client: FlaskClient) -> None:
    exchange_id = organized(client, name="Ours")
    participants(exchange_id, 4)
    an_exchange(name="Theirs")
    page = client.get("/exchanges").text
    assert "Ours" in page
    assert "draw, 4 people are in." in page
    assert "Theirs" not in page


def test_people_can_be_named_right_when_planning(client: FlaskClient) -> None:
    sign_in_organizer(client, an_organizer())
    answer = press(
        client, "/exchanges/new", **WELL, people="Ann, ann@example.org\nBob, bob@example.org, Miller"
    )
    assert answer.status_code == 303
    names = db.session.scalars(select(Participant.name).order_by(Participant.name)).all()
    assert names == ["Ann", "Bob"]


def test_a_line_that_is_wrong_makes_no_exchange(client: FlaskClient) -> None:
    sign_in_organizer(client, an_organizer())
    answer = press(client, "/exchanges/new", **WELL, people="Ann, ann@example.org\nBob")
    assert answer.status_code == 422
    assert "Bob: " in answer.text
    assert "ann@example.org" in answer.text, "what was typed stays"
    assert exchanges() == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        *(("25", "25.00"), ("12.5", "12.50"), (" 0,75 ", "0.75")),
        *(
            ("10.000", "10000.00"),
            ("10,000", "10000.00"),
            ("1.250,50", "1250.50"),
            ("1,250,000.5", "1250000.50"),
        ),
        *(("10 000", "10000.00"), ("10\u202f000", "10000.00"), ("1’250", "1250.00")),
    ],
)
def test_thousands_are_understood_in_every_language(client: FlaskClient, typed: str, meant: str) -> None:
    sign_in_organizer(client, an_organizer())
    assert press(client, "/exchanges/new", **WELL | {"budget": typed}).status_code == 303
    (exchange,) = exchanges()
    assert str(exchange.budget) == meant


def test_an_exchange_is_planned_on_one_page(client: FlaskClient) -> None:
    organizer_id = an_organizer()
    sign_in_organizer(client, organizer_id)
    answer = press(client, "/exchanges/new", **WELL, takes_part="y")
    (exchange,) = exchanges()
    assert answer.status_code == 303
    assert answer.location == path_of(exchange.id)
    assert exchange.organizer_id == organizer_id
    assert exchange.event_local == datetime(now().year + 1, 12, 24, 18)  # noqa: DTZ001
    assert exchange.reminder_days == [7, 3, 1]
    assert str(exchange.budget) == "12.50"
    assert exchange.state is ExchangeState.REGISTRATION_OPEN
    assert db.session.scalars(select(Participant.organizer_id)).all() == [organizer_id]


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ({"name": ""}, "This is needed."),
        ({"name": "x" * 121}, "At most 120 characters"),
        ({"event_local": ""}, "When do you meet?"),
        ({"event_local": "tomorrow"}, "Give a date and a time"),
        ({"event_local": "2020-12-24T18:00"}, "This date has passed"),
        ({"zone": ""}, "In which zone"),
        ({"zone": "Europe/Atlantis"}, "Not a valid choice"),
        ({"budget": "a lot"}, "Give an amount"),
        ({"budget": "1.2.3"}, "Give an amount"),
        ({"budget": "0.125"}, "two decimals"),
        ({"budget": "-3"}, "zero or more"),
        ({"budget": "NaN"}, "zero or more"),
        ({"currency": "CLAMS"}, "Not a valid choice"),
        ({"reminder_days": "soon"}, "whole days"),
        ({"reminder_days": "400"}, "1 to 365 days"),
        ({"registration_ends_local": "2020-01-01T00:00"}, "deadline has passed"),
        ({"registration_ends_local": f"{now().year + 2}-01-01T00:00"}, "before the date"),
        ({"place": "x" * 201}, "At most 200 characters"),
        ({"message": "x" * 5001}, "At most 5000 characters"),
    ],
)
def test_what_is_typed_badly_comes_back_with_the_reason_beside_it(
    client: FlaskClient, typed: dict[str, str], complaint: str
) -> None:
    sign_in_organizer(client, an_organizer())
    answer = press(client, "/exchanges/new", **WELL | typed)
    (field,) = typed
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert complaint in answer.text
    assert "Bring a cake." in answer.text or field == "message"
    assert exchanges() == []


def test_a_zone_that_was_chosen_is_not_guessed_again(client: FlaskClient) -> None:
    sign_in_organizer(client, an_organizer())
    assert "data-guess-zone" in client.get("/exchanges/new").text
    assert "data-guess-zone" not in press(client, "/exchanges/new", **WELL | {"name": ""}).text


def test_settings_start_from_what_stands_and_keep_it(client: FlaskClient) -> None:
    exchange_id = organized(client, name="Old name", place="Attic", message="Hello", reminder_days=[5, 2])
    page = client.get(path_of(exchange_id, "edit")).text
    for told in ("Old name", "Attic", "Hello", 'value="5, 2"', f"{now().year + 1}-12-24T18:00"):
        assert told in page
    assert press(client, path_of(exchange_id, "edit"), **WELL).status_code == 303
    (exchange,) = exchanges()
    assert (exchange.name, exchange.place) == ("Family Christmas", "Grandma's")


def test_changing_what_is_drawn_tells_everybody(client: FlaskClient) -> None:
    exchange_id, _people = drawn(client)
    page = client.get(path_of(exchange_id, "edit")).text
    assert "is mailed to everybody" in page
    answer = press(client, path_of(exchange_id, "edit"), **WELL)
    assert answer.status_code == 303
    assert "everybody is told" in client.get(path_of(exchange_id)).text


def test_nobody_is_said_to_be_told_of_what_concerns_the_organizer_alone(client: FlaskClient) -> None:
    exchange_id, _people = drawn(client)
    for _time in range(2):
        press(client, path_of(exchange_id, "edit"), **WELL)
    page = client.get(path_of(exchange_id)).text
    assert "Saved." in page
    assert "everybody is told" not in page


@pytest.mark.parametrize("state", [ExchangeState.DRAFT, ExchangeState.REGISTRATION_OPEN])
def test_once_the_day_has_passed_a_new_date_is_asked_for(client: FlaskClient, state: ExchangeState) -> None:
    exchange_id = organized(client, event_at=now() - timedelta(hours=1), state=state)
    participants(exchange_id, 4)
    page = client.get(path_of(exchange_id)).text
    assert "Choose a new date" in page
    assert "Draw names" not in page
    assert "Open for joining" not in page
    assert "choose a new date, for this one has passed" in client.get("/exchanges").text


def test_what_is_over_cannot_be_changed(client: FlaskClient) -> None:
    exchange_id = organized(client)
    press(client, path_of(exchange_id, "cancel"), name=exchanges()[0].name)
    assert "Nothing about it can be changed" in client.get(path_of(exchange_id, "edit")).text


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"state": ExchangeState.DRAFT}, "Open for joining"),
        ({"state": ExchangeState.REGISTRATION_OPEN}, "Add people"),
        ({"state": ExchangeState.REGISTRATION_CLOSED}, "Open joining again"),
    ],
)
def test_the_exchange_page_follows_the_state(client: FlaskClient, values: dict[str, Any], told: str) -> None:
    assert told in client.get(path_of(organized(client, **values))).text


def test_every_state_has_at_most_one_filled_button(client: FlaskClient) -> None:
    drawn_id, _people = drawn(client)
    organizer_id = exchanges()[0].organizer_id
    others = [an_exchange(organizer_id, state=state) for state in list(ExchangeState)[:3]]
    participants(others[2], 5)
    for exchange_id in [drawn_id, *others]:
        body = client.get(path_of(exchange_id)).text.split("<footer")[0]
        assert body.count('class="btn"') <= 1


def test_the_drawn_page_counts_and_says_what_did_not_arrive(client: FlaskClient) -> None:
    exchange_id, people = drawn(client)
    settle_letters(exchange_id, LetterState.SENT)
    settle_letters(exchange_id, LetterState.DEAD, error="550 No such mailbox", only=people[0])
    page = client.get(path_of(exchange_id)).text
    assert f"A letter to {name_of(people[0])} did not arrive." in page
    assert "550 No such mailbox" in page
    assert '<strong class="stat-number">4</strong>' in page
    assert "Nudge 5 people" in page


def test_joining_is_closed_and_opened_again(client: FlaskClient) -> None:
    exchange_id = organized(client)
    page = path_of(exchange_id)
    press(client, f"{page}/joining/close", on=page)
    assert exchanges()[0].state is ExchangeState.REGISTRATION_CLOSED
    answer = press(client, f"{page}/joining/close", on=page)
    assert answer.status_code == 303
    assert "closed already" in client.get(page).text
    press(client, f"{page}/joining/reopen", on=page)
    assert exchanges()[0].state is ExchangeState.REGISTRATION_OPEN


def test_a_draft_is_opened(client: FlaskClient) -> None:
    exchange_id = organized(client, state=ExchangeState.DRAFT)
    press(client, path_of(exchange_id, "joining/open"), on=path_of(exchange_id))
    assert exchanges()[0].state is ExchangeState.REGISTRATION_OPEN
    assert join_links.current(exchange_id) is not None


def test_the_join_link_stands_ready_and_can_be_replaced(client: FlaskClient) -> None:
    exchange_id = organized(client)
    join_links.replace(exchange_id)
    link = join_links.current(exchange_id)
    assert link is not None
    assert link in client.get(path_of(exchange_id)).text
    assert "<svg" in client.get(path_of(exchange_id, "invitation")).text
    press(client, path_of(exchange_id, "joining/new-link"), on=path_of(exchange_id))
    assert link not in client.get(path_of(exchange_id)).text


def test_nobody_is_invited_by_a_picture_while_joining_is_closed(client: FlaskClient) -> None:
    exchange_id = organized(client)
    join_links.replace(exchange_id)
    lifecycle.close_registration(exchange_id)
    page = client.get(path_of(exchange_id, "invitation")).text
    assert "There is no join link now: joining is closed." in page
    assert "/j/" not in page


def test_a_deadline_is_told_in_the_zone_of_the_exchange(client: FlaskClient) -> None:
    ends = now().replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=3)
    exchange_id = organized(client, zone="America/New_York", registration_ends_at=ends)
    participants(exchange_id, 3)
    page = client.get(path_of(exchange_id)).text
    assert "joining closes" in page
    assert "(New York)" in page
    assert ("07:00" in page) or ("08:00" in page)


def test_once_the_deadline_is_over_joining_can_be_opened_again(client: FlaskClient) -> None:
    ended = now() - timedelta(minutes=1)
    exchange_id = organized(
        client, registration_ends_at=ended, registration_ends_local=ended.replace(tzinfo=None)
    )
    join_links.replace(exchange_id)
    page = client.get(path_of(exchange_id)).text
    assert "Joining is closed." in page
    assert "/j/" not in page
    press(client, path_of(exchange_id, "joining/reopen"), on=path_of(exchange_id))
    link = join_links.current(exchange_id)
    assert link is not None
    assert link in client.get(path_of(exchange_id)).text


def test_last_year_s_exchange_is_planned_anew(client: FlaskClient) -> None:
    exchange_id, _people = drawn(client)
    answer = press(client, path_of(exchange_id, "copy"), on=path_of(exchange_id, "more"))
    _old, new = sorted(exchanges(), key=lambda exchange: exchange.id)
    assert new.state is ExchangeState.DRAFT
    assert answer.location == path_of(new.id, "edit")
