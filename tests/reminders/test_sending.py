"""A reminder goes out once, to those who want it, while the date is ahead and none nearer is due."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.errors import NotFound
from sneaky.models import (
    Exchange,
    ExchangeState,
    Letter,
    LetterKind,
    LetterState,
    ParticipantState,
    Reminder,
    ReminderState,
)
from sneaky.reminders import planning, sending
from sneaky.reminders.sending import ReminderOutcome
from tests import factories

EVENT = datetime.fromisoformat("2026-12-24T18:00+01:00")


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(EVENT - timedelta(days=20), tick=False) as traveller:
        yield traveller


@pytest.fixture
def exchange_id(app: Flask, clock: time_machine.Traveller) -> int:
    return a_matched_exchange()


def a_matched_exchange() -> int:
    exchange_id = factories.an_exchange(
        event_local=EVENT.replace(tzinfo=None), state=ExchangeState.MATCHED, reminder_days=[7, 3, 1]
    )
    factories.participants(exchange_id, 4)
    planning.plan(exchange_id)
    return exchange_id


def reminder(days_before: int) -> int:
    return db.session.scalars(select(Reminder.id).where(Reminder.days_before == days_before)).one()


def letters() -> int:
    return db.session.scalar(select(func.count()).select_from(Letter)) or 0


def test_one_letter_each_to_those_who_take_part_and_want_it(
    exchange_id: int, clock: time_machine.Traveller
) -> None:
    factories.a_participant(exchange_id, wants_reminders=False)
    factories.a_participant(exchange_id, state=ParticipantState.WITHDRAWN)
    factories.a_participant(exchange_id, state=ParticipantState.PENDING)
    clock.move_to(EVENT - timedelta(days=7))
    assert sending.send(reminder(7)) == ReminderOutcome(ReminderState.SENT, "", 4)
    queued = db.session.scalars(select(Letter)).all()
    assert {letter.kind for letter in queued} == {LetterKind.REMINDER}
    assert {letter.dedupe_key for letter in queued} == {
        f"reminder:{reminder(7)}:{letter.participant_id}" for letter in queued
    }
    assert {letter.facts["days_before"] for letter in queued} == {7}
    row = db.session.get_one(Reminder, reminder(7))
    assert (row.queued_count, row.done_at) == (4, now())


def test_it_takes_the_place_of_one_that_still_waits_for_the_mail_server(
    exchange_id: int, clock: time_machine.Traveller
) -> None:
    clock.move_to(EVENT - timedelta(days=7))
    sending.send(reminder(7))
    with transaction() as session:
        sent, dead, *_waiting = session.scalars(select(Letter).order_by(Letter.id))
        sent.state, dead.state = LetterState.SENT, LetterState.DEAD
    clock.move_to(EVENT - timedelta(days=3))
    assert sending.send(reminder(3)).queued == 4
    states = db.session.scalars(select(Letter.state).order_by(Letter.id)).all()
    assert states == [
        LetterState.SENT,
        LetterState.DEAD,
        *[LetterState.DISCARDED] * 2,
        *[LetterState.QUEUED] * 4,
    ]


def test_asked_twice_it_sends_once(exchange_id: int, clock: time_machine.Traveller) -> None:
    clock.move_to(EVENT - timedelta(days=7))
    sending.send(reminder(7))
    assert sending.send(reminder(7)) == ReminderOutcome(ReminderState.SENT, "", 0)
    assert letters() == 4


def test_twenty_at_once_send_once(any_app: Flask, clock: time_machine.Traveller) -> None:
    a_matched_exchange()
    clock.move_to(EVENT - timedelta(days=7))
    reminder_id = reminder(7)
    db.session.rollback()
    outcomes: list[ReminderOutcome] = []

    def fire() -> None:
        with any_app.app_context():
            outcomes.append(sending.send(reminder_id))

    threads = [threading.Thread(target=fire) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome.queued for outcome in outcomes) == [0] * 19 + [4]
    assert letters() == 4


def test_before_its_instant_it_waits_unless_asked_by_hand(
    exchange_id: int, clock: time_machine.Traveller
) -> None:
    clock.move_to(EVENT - timedelta(days=7, seconds=1))
    outcome = sending.send(reminder(7))
    assert (outcome.state, outcome.queued) == (ReminderState.PLANNED, 0)
    assert db.session.get_one(Reminder, reminder(7)).state is ReminderState.PLANNED
    assert sending.send(reminder(7), even_if_early=True).queued == 4


def test_late_one_is_sent_and_tells_the_days_that_are_left(
    exchange_id: int, clock: time_machine.Traveller
) -> None:
    clock.move_to(EVENT - timedelta(days=5, hours=2))
    assert sending.send(reminder(7)).queued == 4
    assert {letter.facts["days_before"] for letter in db.session.scalars(select(Letter))} == {5}


def test_of_two_late_ones_the_nearer_wins(exchange_id: int, clock: time_machine.Traveller) -> None:
    clock.move_to(EVENT - timedelta(days=2))
    outcomes = [sending.send(reminder_id) for reminder_id in planning.due(now(), 10)]
    assert outcomes == [
        ReminderOutcome(ReminderState.SKIPPED, "a nearer reminder was due as well", 0),
        ReminderOutcome(ReminderState.SENT, "", 4),
    ]


def test_older_one_is_skipped_also_after_the_nearer_was_sent(
    exchange_id: int, clock: time_machine.Traveller
) -> None:
    clock.move_to(EVENT - timedelta(days=2))
    sending.send(reminder(3))
    assert sending.send(reminder(7)).reason == "a nearer reminder was due as well"


def test_past_the_date_everything_is_skipped(exchange_id: int, clock: time_machine.Traveller) -> None:
    clock.move_to(EVENT)
    outcome = sending.send(reminder(1))
    assert outcome == ReminderOutcome(ReminderState.SKIPPED, "the date of the exchange had already passed", 0)
    assert letters() == 0


def test_only_while_the_exchange_is_drawn(exchange_id: int, clock: time_machine.Traveller) -> None:
    with transaction() as session:
        session.get_one(Exchange, exchange_id).state = ExchangeState.REGISTRATION_CLOSED
    clock.move_to(EVENT - timedelta(days=7))
    assert sending.send(reminder(7)).state is ReminderState.SKIPPED
    assert letters() == 0


def test_where_nobody_wants_it_the_row_says_so(app: Flask, clock: time_machine.Traveller) -> None:
    exchange_id = factories.an_exchange(
        event_local=EVENT.replace(tzinfo=None), state=ExchangeState.MATCHED, reminder_days=[7]
    )
    planning.plan(exchange_id)
    factories.a_participant(exchange_id, wants_reminders=False)
    clock.move_to(EVENT - timedelta(days=7))
    assert sending.send(reminder(7)).reason == "nobody who takes part wants reminders"


def test_unknown_reminder_is_not_found(app: Flask) -> None:
    with pytest.raises(NotFound):
        sending.send(99)
