"""The ledger, letters asked for by hand, and reminders."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.draws import repair, reveal
from sneaky.models import Exchange, Letter, LetterKind, LetterState, Reminder, ReminderState
from sneaky.outbox import queue
from tests.web.exchanging import drawn, name_of, organized, path_of, settle_letters
from tests.web.signing_in import press


def test_the_empty_ledger_says_when_letters_come(client: FlaskClient) -> None:
    assert "No letters yet" in client.get(path_of(organized(client), "letters")).text


def test_the_ledger_says_what_became_of_each_letter(client: FlaskClient) -> None:
    exchange_id, people = drawn(client)
    settle_letters(exchange_id, LetterState.SENT, error="250 OK")
    settle_letters(exchange_id, LetterState.DEAD, error="550 No such mailbox", only=people[1])
    page = client.get(path_of(exchange_id, "letters")).text
    assert page.index(name_of(people[1])) < page.index(name_of(people[0]))
    assert "550 No such mailbox" in page
    assert "250 OK" not in page
    only = client.get(path_of(exchange_id, "letters"), query_string={"state": "dead"}).text
    assert name_of(people[1]) in only
    assert name_of(people[0]) not in only
    assert "No such" in client.get(path_of(exchange_id, "letters"), query_string={"state": "odd"}).text


@pytest.mark.parametrize(
    "kind", [LetterKind.RECIPIENT_CHANGED, LetterKind.WISH_LIST_CHANGED, LetterKind.NEW_MESSAGE]
)
def test_letters_that_would_tell_on_somebody_are_not_listed(client: FlaskClient, kind: LetterKind) -> None:
    exchange_id, people = drawn(client)
    before = client.get(path_of(exchange_id, "letters")).text
    with transaction():
        queue.put(kind, "ann@example.org", exchange_id=exchange_id, participant_id=people[0])
    after = client.get(path_of(exchange_id, "letters")).text
    assert after.count("<tr>") == before.count("<tr>")
    overview = client.get(path_of(exchange_id)).text
    assert "All 5" in after
    assert overview.count("waiting") == 5


def test_given_up_letters_are_tried_again(client: FlaskClient) -> None:
    exchange_id, people = drawn(client)
    settle_letters(exchange_id, LetterState.DEAD, error="550", only=people[0])
    page = path_of(exchange_id, "letters")
    press(client, f"{page}/retry", on=page)
    states = db.session.scalars(select(Letter.state)).all()
    assert set(states) == {LetterState.QUEUED}
    assert "tried again now. What is out of date is taken out instead." in client.get(page).text


def test_only_those_who_sleep_are_nudged_and_once_a_day(client: FlaskClient) -> None:
    exchange_id, people = drawn(client)
    reveal.reveal(people[0])
    page = path_of(exchange_id)
    press(client, f"{page}/nudge", on=page)
    nudged = db.session.scalars(select(Letter.participant_id).where(Letter.kind == LetterKind.NUDGE)).all()
    assert sorted(person or 0 for person in nudged) == sorted(people[1:])
    press(client, f"{page}/nudge", on=page)
    assert "Nobody to nudge" in client.get(page).text
    assert len(db.session.scalars(select(Letter).where(Letter.kind == LetterKind.NUDGE)).all()) == 4


def test_nobody_is_nudged_before_the_draw(client: FlaskClient) -> None:
    exchange_id = organized(client)
    page = path_of(exchange_id)
    assert press(client, f"{page}/nudge", on=path_of(exchange_id, "more")).status_code == 303
    assert "Draw the names first" in client.get(page).text


def test_after_a_repair_nothing_tells_who_got_somebody_new(client: FlaskClient) -> None:
    exchange_id, people = drawn(client, people=6)
    for person in people:
        reveal.reveal(person)
    before = client.get(path_of(exchange_id)).text
    assert before.count("<td>yes</td>") == 6
    repair.withdraw(people[0])
    for page in ("", "participants", "letters"):
        shown = client.get(path_of(exchange_id, page)).text
        assert "<td>yes</td>" not in shown
        rows = [row for row in shown.split("<tr>")[1:] if name_of(people[0]) not in row]
        chips = {row.split('class="chip ')[1].split("<")[0] for row in rows if "chip" in row}
        assert len(chips) <= 2  # the same for everybody who stays: takes part, waiting


def test_reminders_stand_with_their_local_time_before_the_draw(client: FlaskClient) -> None:
    exchange_id = organized(client, zone="America/New_York", reminder_days=[30, 7])
    page = client.get(path_of(exchange_id, "reminders")).text
    assert "So they are planned with the draw" in page
    assert page.count(", 18:00</time> <small>(New York)</small>") == 2


def test_reminders_are_changed_and_say_what_they_did(client: FlaskClient) -> None:
    exchange_id, _people = drawn(client)
    page = path_of(exchange_id, "reminders")
    assert press(client, page, is_on="y", days="10, 2").status_code == 303
    with transaction() as session:
        first = session.scalars(select(Reminder).where(Reminder.days_before == 10)).one()
        first.state, first.queued_count, first.done_at = ReminderState.SENT, 5, now()
        second = session.scalars(select(Reminder).where(Reminder.days_before == 2)).one()
        second.state, second.reason = ReminderState.SKIPPED, "the day was moved"
    shown = client.get(page).text
    assert "5 letters went out." in shown
    assert "Not sent: the day was moved." in shown
    press(client, page, days="10, 2")
    assert not db.session.scalars(select(Exchange.has_reminders)).one()


@pytest.mark.parametrize(
    ("days", "complaint"),
    [("soon", "whole days"), ("0", "1 to 365"), ("-1", "whole days"), ("1,2,3,4,5,6,7,8,9,10,11", "10")],
)
def test_odd_days_come_back(client: FlaskClient, days: str, complaint: str) -> None:
    exchange_id = organized(client)
    answer = press(client, path_of(exchange_id, "reminders"), is_on="y", days=days)
    assert answer.status_code == 422
    assert complaint in answer.text
    assert f'value="{days}"' in answer.text
    assert db.session.scalars(select(Exchange.reminder_days)).one() == [7, 3, 1]


def test_the_timeline_stands_in_order(client: FlaskClient) -> None:
    exchange_id, _people = drawn(client, registration_ends_at=now() - timedelta(days=1))
    page = client.get(path_of(exchange_id)).text.split('class="timeline"')[1]
    lines = [part.split("</strong>")[0] for part in page.split("<strong>")[1:7]]
    assert lines == [
        "Joining closes",
        "Draw",
        "Reminder, 7 days before",
        "Reminder, 3 days before",
        "Reminder, 1 day before",
        "The day",
    ]
