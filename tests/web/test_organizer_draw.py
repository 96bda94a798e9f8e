"""The draw: the question before it, the gate of mail, undoing, drawing again, mending, breaking the glass."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from sneaky.core.db import db
from sneaky.draws import reveal
from sneaky.exchanges import exclusions, households
from sneaky.models import (
    AuditEntry,
    Draw,
    DrawState,
    Exchange,
    ExchangeState,
    Letter,
    LetterKind,
    Match,
    Participant,
    ParticipantState,
)
from tests.factories import a_participant, participants
from tests.web.exchanging import drawn, name_of, organized, path_of, person_id, recipients
from tests.web.signing_in import csrf_token, press, sign_in_participant


def exchange() -> Exchange:
    db.session.expire_all()
    return db.session.scalars(select(Exchange)).one()


def letters(kind: LetterKind) -> int:
    return len(db.session.scalars(select(Letter.id).where(Letter.kind == kind)).all())


def test_the_question_says_what_happens_to_whom(client: FlaskClient) -> None:
    exchange_id = organized(client)
    participants(exchange_id, 4)
    a_participant(exchange_id, state=ParticipantState.PENDING)
    page = client.get(path_of(exchange_id, "draw")).text
    assert "Draw with 4 people?" in page
    assert "4 letters go out now" in page
    assert "1 person has not confirmed" in page
    assert exchange().state is ExchangeState.REGISTRATION_OPEN


def test_an_unproven_mail_set_up_holds_the_draw_until_told_otherwise(client: FlaskClient) -> None:
    exchange_id = organized(client)
    participants(exchange_id, 4)
    page = path_of(exchange_id, "draw")
    held = press(client, page)
    assert held.status_code == 422
    assert "test letter" in held.text
    assert exchange().state is ExchangeState.REGISTRATION_OPEN
    answer = press(client, page, anyway="y")
    assert (answer.status_code, answer.location) == (303, path_of(exchange_id))
    assert exchange().state is ExchangeState.MATCHED
    assert letters(LetterKind.MATCH) == 4
    assert "Drawn! 4 letters go out now." in client.get(path_of(exchange_id)).text


def test_rules_that_leave_no_draw_are_told_before_the_button(client: FlaskClient) -> None:
    exchange_id = organized(client)
    households.assign_all(participants(exchange_id, 4), "Attic")
    page = path_of(exchange_id, "draw")
    shown = client.get(page).text
    assert "No draw is possible" in shown
    assert "all of household Attic, may not give to anybody" in shown
    assert "Draw now" not in shown
    token = csrf_token(client.get(path_of(exchange_id, "rules")).text)
    refused = client.post(page, data={"csrf_token": token, "anyway": "y"})
    assert refused.status_code == 422
    assert exchange().state is ExchangeState.REGISTRATION_OPEN


def test_drawing_twice_leaves_one_draw(client: FlaskClient) -> None:
    exchange_id, _people = drawn(client)
    page = path_of(exchange_id, "draw")
    assert "drawn already" in client.get(page).text
    token = csrf_token(client.get(path_of(exchange_id, "more")).text)
    assert client.post(page, data={"csrf_token": token, "anyway": "y"}).status_code == 422
    assert len(db.session.scalars(select(Draw)).all()) == 1


def test_a_draw_is_undone_until_the_first_one_looks(client: FlaskClient) -> None:
    exchange_id, _people = drawn(client)
    page = path_of(exchange_id)
    assert "Undo the draw" in client.get(page).text
    press(client, f"{page}/draw/undo", on=page)
    assert exchange().state is ExchangeState.REGISTRATION_CLOSED
    again, people = drawn(client)
    reveal.reveal(people[0])
    page = path_of(again)
    assert "Undo the draw" not in client.get(page).text
    press(client, f"{page}/draw/undo", on=page)
    assert "cannot be undone" in client.get(page).text


@pytest.mark.parametrize("way", ["draw/again", "draw/break-glass", "cancel"])
def test_what_cannot_be_taken_back_needs_the_name_typed(client: FlaskClient, way: str) -> None:
    exchange_id, _people = drawn(client, name="Family Christmas")
    page = path_of(exchange_id, way)
    for typed, complaint in (("", "This is needed."), ("Family", "as it stands above")):
        answer = press(client, page, name=typed)
        assert answer.status_code == 422
        assert 'id="name-error"' in answer.text
        assert complaint in answer.text
    assert exchange().state is ExchangeState.MATCHED
    assert press(client, page, name=" family  CHRISTMAS ").status_code in {200, 303}


def test_drawing_again_replaces_the_draw_and_writes_to_everybody(client: FlaskClient) -> None:
    exchange_id, _people = drawn(client, name="Xmas")
    press(client, path_of(exchange_id, "draw/again"), name="Xmas")
    states = db.session.scalars(select(Draw.state).order_by(Draw.id)).all()
    assert states == [DrawState.REPLACED, DrawState.CURRENT]
    assert letters(LetterKind.RECIPIENT_CHANGED) == 5


def test_breaking_the_glass_shows_all_is_written_down_and_announced(client: FlaskClient) -> None:
    exchange_id, people = drawn(client, name="Xmas")
    answer = press(client, path_of(exchange_id, "draw/break-glass"), name="Xmas")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    for giver, recipient in recipients(exchange_id).items():
        assert f'<th scope="row">{name_of(giver)}</th><td>{name_of(recipient)}</td>' in answer.text
    assert letters(LetterKind.MATCHES_REVEALED) == len(people)
    assert "matches.revealed" in db.session.scalars(select(AuditEntry.action)).all()


def test_mending_says_what_it_means_first_and_then_does_it(client: FlaskClient) -> None:
    exchange_id, people = drawn(client, people=6)
    page = path_of(exchange_id, "repair")
    shown = press(client, page, leaving=person_id(people[0]), joining="Zoe, zoe@example.org")
    assert shown.status_code == 200
    assert "6 people take part then" in shown.text
    assert len(db.session.scalars(select(Match)).all()) == 6
    assert db.session.scalar(select(Participant).where(Participant.name == "Zoe")) is None
    done = press(client, page, leaving=person_id(people[0]), joining="Zoe, zoe@example.org", is_sure="y")
    assert done.status_code == 303
    zoe = db.session.scalars(select(Participant).where(Participant.name == "Zoe")).one()
    gives = recipients(exchange_id)
    assert people[0] not in gives
    assert people[0] not in gives.values()
    assert zoe.id in gives


def test_the_way_from_a_person_ticks_them(client: FlaskClient) -> None:
    exchange_id, people = drawn(client)
    page = client.get(path_of(exchange_id, "repair"), query_string={"leaves": person_id(people[2])}).text
    ticked = [line for line in page.split("<label") if " checked" in line]
    assert len(ticked) == 1
    assert name_of(people[2]) in ticked[0]


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ({}, "Say who leaves"),
        ({"joining": "Zoe, nonsense"}, "Zoe: "),
        ({"leaving": "nobody"}, "ticked somebody who is not here any more"),
    ],
)
def test_a_repair_that_says_nothing_sensible_comes_back(
    client: FlaskClient, typed: dict[str, str], complaint: str
) -> None:
    exchange_id, _people = drawn(client)
    answer = press(client, path_of(exchange_id, "repair"), **typed, is_sure="y")
    assert answer.status_code == 422
    assert complaint in answer.text
    assert len(recipients(exchange_id)) == 5


def test_a_repair_that_leaves_too_few_comes_back(client: FlaskClient) -> None:
    exchange_id, people = drawn(client, people=3)
    token = csrf_token(client.get(path_of(exchange_id, "repair")).text)
    typed = {"csrf_token": token, "leaving": [person_id(person) for person in people[:2]], "is_sure": "y"}
    answer = client.post(path_of(exchange_id, "repair"), data=typed)
    assert answer.status_code == 422
    assert len(recipients(exchange_id)) == 3


def test_in_a_large_exchange_names_are_typed(client: FlaskClient) -> None:
    exchange_id, people = drawn(client, people=70)
    page = path_of(exchange_id, "repair")
    assert "leaving_names" in client.get(page).text
    done = press(client, page, leaving_names=name_of(people[0]), is_sure="y")
    assert done.status_code == 303
    assert len(recipients(exchange_id)) == 69
    unknown = press(client, page, leaving_names="Nobody at all", is_sure="y")
    assert unknown.status_code == 422
    assert 'id="leaving_names-error"' in unknown.text


def test_somebody_steps_in_by_chance(client: FlaskClient) -> None:
    exchange_id, people = drawn(client)
    page = path_of(exchange_id, "rescue")
    absent, *willing = map(person_id, people)
    alone = press(client, page, absent=absent, willing=willing[0])
    assert alone.status_code == 422
    assert "at least two" in alone.text
    nobody = press(client, page, willing=willing[0])
    assert nobody.status_code == 422
    assert 'id="absent-error"' in nobody.text
    token = csrf_token(client.get(page).text)
    done = client.post(page, data={"csrf_token": token, "absent": absent, "willing": willing})
    assert done.status_code == 303


def test_before_the_draw_there_is_nothing_to_mend(client: FlaskClient) -> None:
    exchange_id = organized(client)
    for page in ("repair", "rescue"):
        assert "Nothing is drawn yet." in client.get(path_of(exchange_id, page)).text


def test_drawing_again_promises_nobody_somebody_else(client: FlaskClient, app: Flask) -> None:
    exchange_id = organized(client)
    people = participants(exchange_id, 3)
    exclusions.exclude(exchange_id, people[0], people[1], is_mutual=False)
    press(client, path_of(exchange_id, "draw"), anyway="y")
    before = recipients(exchange_id)
    again = path_of(exchange_id, "draw/again")
    assert "may be the same person" in client.get(again).text
    press(client, again, name=exchange().name)
    assert recipients(exchange_id) == before
    browser = app.test_client()
    sign_in_participant(browser, people[0])
    assert "Inside is the one that does." in browser.get("/me").text
    assert "somebody new" not in client.get(path_of(exchange_id)).text
