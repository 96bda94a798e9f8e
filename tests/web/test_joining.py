"""Joining by the link."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from sneaky.core.db import db, transaction
from sneaky.exchanges import join_links, lifecycle, participants
from sneaky.letters import catalogue
from sneaky.models import Exchange, LetterKind, Participant, ParticipantState
from tests.access.looking import letters, only_letter, state_of, token_in
from tests.factories import a_participant, an_exchange, an_organizer
from tests.web.signing_in import csrf_token, press

WELL = {"name": "Ann", "email": "ann@example.org", "household_name": "", "ideas": ""}


@pytest.fixture
def exchange_id(app: Flask) -> int:
    """An exchange that takes people, with a join link."""
    exchange_id = an_exchange(
        an_organizer(name="Olga"),
        name="Family Christmas",
        place="At <b>Grandma's</b>",
        message="Bring cookies.\nAnd songs.",
        budget=Decimal("20.00"),
    )
    join_links.replace(exchange_id)
    return exchange_id


def path_of(exchange_id: int) -> str:
    link = join_links.current(exchange_id)
    assert link is not None
    return link.removeprefix("http://localhost")


def people() -> list[Participant]:
    db.session.expire_all()
    return list(db.session.scalars(select(Participant)))


def test_the_page_tells_what_one_joins(client: FlaskClient, exchange_id: int) -> None:
    page = client.get(path_of(exchange_id)).text
    for told in (
        "Family Christmas",
        "Olga invites you",
        "€20",
        "Bring cookies.<br>And songs.",
        "18:00",
        "(Berlin)",
    ):
        assert told in page
    assert "At &lt;b&gt;Grandma" in page


def test_joining_and_confirming(client: FlaskClient, exchange_id: int) -> None:
    path = path_of(exchange_id)
    typed = WELL | {"household_name": "The Millers", "ideas": "A book\nWool socks"}
    answer = press(client, path, **typed)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{path}/joined")
    assert "on its way" in client.get(f"{path}/joined").text
    (ann,) = people()
    assert (ann.name, ann.email, ann.state) == ("Ann", "ann@example.org", ParticipantState.PENDING)
    assert ann.household is not None
    assert ann.household.name == "The Millers"
    ann_id = ann.id
    press(client, f"/m/{token_in(only_letter(LetterKind.CONFIRM_REGISTRATION))}")
    assert state_of(ann_id) is ParticipantState.ACTIVE
    assert "Wool socks" in client.get("/me").text


@pytest.mark.parametrize(("accepted", "language"), [("de-AT", "de"), ("en", "en"), ("fr", None)])
def test_letters_speak_the_language_of_the_page(
    client: FlaskClient, exchange_id: int, accepted: str, language: str | None
) -> None:
    path, headers = path_of(exchange_id), {"Accept-Language": accepted}
    typed = WELL | {"csrf_token": csrf_token(client.get(path).text)}
    assert client.post(path, data=typed, headers=headers).status_code == 303
    (ann,) = people()
    assert ann.locale == language
    (letter,) = letters()
    confirm = "Bestätige" if language == "de" else "Confirm"
    assert confirm in catalogue.render(letter.id).subject
    ann_id = ann.id
    participants.set_preferences(ann_id, wants_reminders=True, wants_notices=True, locale="en", zone=None)
    client.post(path, data=typed, headers=headers)
    assert people()[0].locale == "en", "what they chose themselves stays"


def test_joining_again_answers_alike_and_adds_nobody(app: Flask, exchange_id: int) -> None:
    a_participant(exchange_id, email="ann@example.org")
    path = path_of(exchange_id)
    known = press(app.test_client(), path, **WELL)
    unknown = press(app.test_client(), path, **WELL | {"email": "bob@example.org"})
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)
    assert known.headers["Location"] == unknown.headers["Location"]
    assert [letter.kind for letter in letters()] == [
        LetterKind.ALREADY_JOINED,
        LetterKind.CONFIRM_REGISTRATION,
    ]
    assert len(people()) == 2


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ({"name": ""}, "This is needed."),
        ({"name": "x" * 121}, "At most 120"),
        ({"email": ""}, "This is needed."),
        ({"email": "ann at example"}, "no mail address"),
        ({"email": "ann@localhost"}, "no mail address"),
        ({"household_name": "x" * 121}, "At most 120"),
        ({"ideas": "x" * 4001}, "At most 4000"),
        ({"ideas": "x" * 300}, "keep it to"),
    ],
)
def test_bad_input_comes_back_and_nobody_joins(
    client: FlaskClient, exchange_id: int, typed: dict[str, str], error: str
) -> None:
    sent = WELL | {"ideas": "A book"} | typed
    answer = press(client, path_of(exchange_id), **sent)
    assert answer.status_code == 422
    assert error in answer.text
    for field in ("name", "email", "household_name"):
        assert f'name="{field}"' in answer.text
        assert f'value="{sent[field]}"' in answer.text
    assert sent["ideas"] in answer.text
    assert people() == []
    assert letters() == []


def test_a_closed_exchange_takes_nobody(client: FlaskClient, exchange_id: int) -> None:
    path = path_of(exchange_id)
    token = csrf_token(client.get(path).text)
    lifecycle.close_registration(exchange_id)
    assert "Joining is closed" in client.get(path).text
    answer = client.post(path, data=WELL | {"csrf_token": token})
    assert answer.status_code == 422
    assert "Registration for this exchange is closed" in answer.text
    assert people() == []


def test_a_passed_deadline_takes_nobody(client: FlaskClient, exchange_id: int) -> None:
    ends_at = datetime(2026, 12, 1, 12, tzinfo=UTC)
    with transaction() as session:
        session.execute(
            update(Exchange).where(Exchange.id == exchange_id).values(registration_ends_at=ends_at)
        )
    path = path_of(exchange_id)
    with time_machine.travel(ends_at, tick=False) as clock:
        clock.shift(-1)
        assert "I take part" in client.get(path).text
        clock.shift(1)
        assert "Joining is closed" in client.get(path).text


@pytest.mark.parametrize("end", [join_links.replace, join_links.close])
def test_a_link_that_was_replaced_or_closed_says_so(
    client: FlaskClient, exchange_id: int, end: object
) -> None:
    path = path_of(exchange_id)
    assert callable(end)
    end(exchange_id)
    for lost in (path, f"{path}/joined"):
        answer = client.get(lost)
        assert answer.status_code == 404
        assert "Please ask the organizer for the new one." in answer.text


def test_too_many_from_one_network_wait(client: FlaskClient, exchange_id: int) -> None:
    path = path_of(exchange_id)
    for number in range(20):
        press(client, path, **WELL | {"email": f"x{number}@example.org"})
    sent = WELL | {"household_name": "The Millers", "ideas": "A book\nWool socks"}
    answer = press(client, path, **sent)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 3600
    assert "Try again in 60 minutes." in answer.text
    for kept in ('value="Ann"', 'value="ann@example.org"', 'value="The Millers"', "A book\nWool socks"):
        assert kept in answer.text.replace("\r\n", "\n")
    assert len(people()) == 20
