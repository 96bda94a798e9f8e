"""People of an exchange: added, pasted, found, mended, withdrawn, and given a link by hand."""

from __future__ import annotations

import io

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from sneaky.core.db import db, transaction
from sneaky.exchanges.naming import person_called
from sneaky.models import AuditEntry, Letter, LetterKind, LetterState, Participant, ParticipantState
from sneaky.outbox import queue
from tests.factories import a_participant, participants
from tests.web.exchanging import drawn, name_of, organized, path_of, person_id, settle_letters
from tests.web.signing_in import csrf_token, press

WELL = {"name": "Ann", "email": "Ann@Example.org", "household": "Miller"}


def everybody() -> list[Participant]:
    db.session.expire_all()
    return list(db.session.scalars(select(Participant).order_by(Participant.id)))


def test_somebody_is_added_with_household(client: FlaskClient) -> None:
    page = path_of(organized(client), "participants")
    assert press(client, page, **WELL).status_code == 303
    (ann,) = everybody()
    assert (ann.name, ann.email, ann.state) == ("Ann", "ann@example.org", ParticipantState.ACTIVE)
    assert ann.household is not None
    assert ann.household.name == "Miller"
    assert "Ann takes part." in client.get(page).text


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ({"name": ""}, "This is needed."),
        ({"name": "x" * 121}, "At most 120"),
        ({"email": ""}, "This is needed."),
        ({"email": "ann at example"}, "address"),
        ({"household": "x" * 121}, "At most 120"),
    ],
)
def test_bad_input_comes_back_beside_its_field(
    client: FlaskClient, typed: dict[str, str], complaint: str
) -> None:
    answer = press(client, path_of(organized(client), "participants"), **WELL | typed)
    (field,) = typed
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert complaint in answer.text
    assert everybody() == []


def test_the_same_address_twice_is_refused_but_for_a_guardian(client: FlaskClient) -> None:
    page = path_of(organized(client), "participants")
    press(client, page, **WELL)
    again = press(client, page, **WELL | {"name": "Ben"})
    assert again.status_code == 422
    assert "Ann takes part with this address already" in again.text
    assert press(client, page, **WELL | {"name": "Ben", "is_guarded": "y"}).status_code == 303
    assert [person.is_guarded for person in everybody()] == [False, True]


def test_many_are_shown_before_they_are_added(client: FlaskClient) -> None:
    page = path_of(organized(client), "participants/list")
    typed = (
        "name;e-mail\nAnn;ann@example.org\nBob;nonsense\nCem;cem@example.org;Attic\nAnna;ann@example.org\n"
    )
    shown = press(client, page, lines=typed)
    assert shown.status_code == 200
    assert "2 people can be added" in shown.text
    assert "2 lines are left out" in shown.text
    assert "twice" in shown.text
    assert everybody() == []
    added = press(client, page, lines=typed, is_sure="y")
    assert added.status_code == 303
    assert [person.name for person in everybody()] == ["Ann", "Cem"]
    assert "2 people take part now." in client.get(page).text
    press(client, page, lines="Ann;ann@example.org", is_sure="y")
    assert "Everybody on the list takes part already." in client.get(page).text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
def test_a_file_is_read_as_spreadsheets_write_it(client: FlaskClient, encoding: str) -> None:
    page = path_of(organized(client), "participants/list")
    upload = (io.BytesIO("Zoë Müller,zoe@example.org\r\n".encode(encoding)), "people.csv")
    token = csrf_token(client.get(page).text)
    shown = client.post(page, data={"csrf_token": token, "file": upload}, content_type="multipart/form-data")
    assert "Zoë Müller" in shown.text
    assert "1 person can be added" in shown.text


def test_what_a_list_says_is_never_markup(client: FlaskClient) -> None:
    page = path_of(organized(client), "participants/list")
    shown = press(client, page, lines='<script>"x"</script>,x@example.org').text
    assert "<script>&#34;" not in shown
    assert '<script>"x"' not in shown
    assert "&lt;script&gt;" in shown


def test_people_are_found_and_stand_on_pages(client: FlaskClient) -> None:
    exchange_id = organized(client)
    participants(exchange_id, 60)
    a_participant(exchange_id, name="100% Zoë_")
    page = path_of(exchange_id, "participants")
    assert "Page 1 of 2" in client.get(page).text
    assert "Page 2 of 2" in client.get(page, query_string={"page": "99999999999999999999"}).text
    assert "Page 1 of 2" in client.get(page, query_string={"page": "-3"}).text
    assert "Page 1 of 2" in client.get(page, query_string={"page": "x"}).text
    found = client.get(page, query_string={"q": "0% Z"}).text
    assert "100% Zoë_" in found
    assert "ann1@" not in found
    assert "Nobody here has “%%%”" in client.get(page, query_string={"q": "%%%"}).text


@pytest.mark.sqlite
def test_umlauts_are_found_in_any_case(client: FlaskClient) -> None:
    exchange_id = organized(client)
    anne = a_participant(exchange_id, name="Änne")
    a_participant(exchange_id, name="Änne Öz")
    page = path_of(exchange_id, "participants")
    assert "Änne Öz" in client.get(page, query_string={"q": "änne ö"}).text
    assert {person_called(exchange_id, typed, field="giver") for typed in ("Änne", "änne", "ÄNNE")} == {anne}


def test_an_address_is_mended_and_the_letter_goes_out_again(client: FlaskClient) -> None:
    exchange_id, people = drawn(client)
    settle_letters(exchange_id, LetterState.DEAD, error="550 No such mailbox", only=people[0])
    page = path_of(exchange_id, f"participants/{person_id(people[0])}")
    assert "550 No such mailbox" in client.get(page).text
    answer = press(client, page, name="Grandma", email="grandma@example.net")
    assert answer.status_code == 303
    letter = db.session.scalars(select(Letter).where(Letter.participant_id == people[0])).one()
    assert (letter.to_email, letter.state) == ("grandma@example.net", LetterState.QUEUED)
    assert name_of(people[0]) == "Grandma"


def test_a_person_s_letters_stand_with_what_became_of_each(client: FlaskClient) -> None:
    exchange_id, people = drawn(client)
    settle_letters(exchange_id, LetterState.FAILED, error="451 4.3.0 Try again later", only=people[0])
    with transaction():
        for kind, to in ((LetterKind.REMINDER, people[0]), (LetterKind.NEW_MESSAGE, people[0])):
            queue.put(kind, "ann@example.org", exchange_id=exchange_id, participant_id=to)
    page = client.get(path_of(exchange_id, f"participants/{person_id(people[0])}")).text
    ledger = page.partition('id="letters"')[2]
    assert (
        ledger.count("<tr>") == 3
    )  # the head, the reminder, the match; what would tell on somebody is not there
    assert ledger.index("Reminder") < ledger.index("Your match is waiting")
    assert "busy or careful right now" in ledger
    assert "next try" in ledger


def test_mending_is_all_or_nothing(client: FlaskClient) -> None:
    exchange_id = organized(client)
    one, other = participants(exchange_id, 2)
    taken = everybody()[1].email
    page = path_of(exchange_id, f"participants/{person_id(one)}")
    answer = press(client, page, name="New name", email=taken, household="")
    assert answer.status_code == 422
    assert 'id="email-error"' in answer.text
    assert "New name" in answer.text
    assert name_of(one) != "New name"
    assert name_of(other) != "New name"


def test_a_guardian_s_address_cannot_become_somebody_s_own_while_it_is_another_s(client: FlaskClient) -> None:
    exchange_id = organized(client)
    parent = a_participant(exchange_id, email="p@example.org")
    child = a_participant(exchange_id, email="p@example.org", is_guarded=True)
    page = path_of(exchange_id, f"participants/{person_id(child)}")
    answer = press(client, page, name="Child", email="p@example.org", household="")
    assert answer.status_code == 422
    assert 'id="is_guarded-error"' in answer.text
    with transaction() as session:
        session.delete(session.get_one(Participant, parent))
    assert press(client, page, name="Child", email="p@example.org", household="").status_code == 303
    assert not everybody()[0].is_guarded


def test_somebody_is_withdrawn_before_the_draw_and_not_simply_after_it(client: FlaskClient) -> None:
    exchange_id = organized(client)
    (one,) = participants(exchange_id, 1)
    page = path_of(exchange_id, f"participants/{person_id(one)}")
    press(client, f"{page}/withdraw", on=page)
    assert everybody()[0].state is ParticipantState.WITHDRAWN
    drawn_id, people = drawn(client)
    page = path_of(drawn_id, f"participants/{person_id(people[0])}")
    press(client, f"{page}/withdraw", on=page)
    assert "already drawn" in client.get(page).text
    assert everybody()[1].state is ParticipantState.ACTIVE


def test_a_letter_is_sent_again_and_not_too_often(client: FlaskClient) -> None:
    exchange_id, people = drawn(client)
    settle_letters(exchange_id, LetterState.SENT)
    page = path_of(exchange_id, f"participants/{person_id(people[0])}")
    answers = [press(client, f"{page}/letter", on=page).status_code for _ in range(6)]
    assert answers == [303] * 5 + [429]
    letters = db.session.scalars(select(Letter.kind).where(Letter.participant_id == people[0])).all()
    assert set(letters) == {LetterKind.MATCH}


def test_who_has_not_confirmed_gets_the_letter_for_that(client: FlaskClient) -> None:
    exchange_id = organized(client)
    one = a_participant(exchange_id, state=ParticipantState.PENDING, confirmed_at=None)
    page = path_of(exchange_id, f"participants/{person_id(one)}")
    press(client, f"{page}/letter", on=page)
    assert db.session.scalars(select(Letter.kind)).all() == [LetterKind.CONFIRM_REGISTRATION]


def test_a_link_is_handed_out_without_the_match_and_written_down(client: FlaskClient) -> None:
    exchange_id, people = drawn(client)
    page = path_of(exchange_id, f"participants/{person_id(people[0])}")
    answer = press(client, f"{page}/link", on=page)
    assert answer.status_code == 200
    assert "<svg" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    link = answer.text.split('id="personal-link" value="')[1].split('"')[0]
    assert link.startswith("http://localhost/m/")
    other = client.application.test_client()
    assert name_of(people[0]) in other.get(link.removeprefix("http://localhost")).text
    actions = db.session.scalars(select(AuditEntry.action)).all()
    assert "link.handed-out" in actions
