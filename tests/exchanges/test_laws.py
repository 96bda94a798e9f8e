"""Other rules for a zone: the wall times of what lies ahead stay, and their instants move."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from icalendar import Calendar, Event
from sqlalchemy import select, update

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.exchanges import laws
from sneaky.letters import catalogue
from sneaky.models import Exchange, ExchangeState, LetterKind, Participant, Reminder, ReminderState
from sneaky.reminders import planning, sending
from tests import factories
from tests.letters.mail import queued

NOW = datetime(2026, 12, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def a_day_in_december() -> Iterator[None]:
    with time_machine.travel(NOW):
        yield


def a_drawn_exchange(**values: Any) -> int:
    fields: dict[str, Any] = {
        "event_local": datetime(2026, 12, 24, 18),  # noqa: DTZ001
        "state": ExchangeState.MATCHED,
        "reminder_days": [7, 1],
    }
    exchange_id = factories.an_exchange(**fields | values)
    factories.participants(exchange_id, 2)
    planning.plan(exchange_id)
    return exchange_id


def under_the_law_of_before(by: timedelta = HOUR) -> None:
    """As if all instants had been derived while the clocks of the zone showed another time."""
    with transaction() as session:
        for row in session.scalars(select(Exchange)):
            row.event_at += by
            row.registration_ends_at = row.registration_ends_at and row.registration_ends_at + by
        for reminder in session.scalars(select(Reminder)):
            reminder.due_at += by


def dues() -> dict[int, datetime]:
    db.session.remove()
    planned = select(Reminder).where(Reminder.state == ReminderState.PLANNED)
    return {row.days_before: row.due_at for row in db.session.scalars(planned)}


def test_what_lies_ahead_moves_and_keeps_its_wall_time(app: Flask) -> None:
    ends = datetime(2026, 12, 20, 18)  # noqa: DTZ001
    a_drawn_exchange(
        registration_ends_local=ends, registration_ends_at=datetime(2026, 12, 20, 17, tzinfo=UTC)
    )
    right = dues()
    under_the_law_of_before()
    assert laws.follow() == 1
    assert dues() == right
    [row] = db.session.scalars(select(Exchange))
    assert row.event_at == datetime(2026, 12, 24, 17, tzinfo=UTC)
    assert row.registration_ends_at == datetime(2026, 12, 20, 17, tzinfo=UTC)
    assert laws.follow() == 0


def test_a_later_entry_for_calendars_tells_the_new_instant(app: Flask) -> None:
    def an_entry() -> Event:
        letter_id = queued(LetterKind.EXCHANGE_CHANGED, ann)
        [attached] = catalogue.render(letter_id).attachments
        [event] = Calendar.from_ical(attached.content).walk("VEVENT")
        assert isinstance(event, Event)
        return event

    a_drawn_exchange()
    ann = db.session.scalars(select(Participant.id)).first()
    under_the_law_of_before()
    before = an_entry()
    laws.follow()
    with time_machine.travel(NOW + HOUR):
        after = an_entry()
    assert before.decoded("dtstart") - after.decoded("dtstart") == HOUR
    assert (after["uid"], after.decoded("dtstart")) == (before["uid"], datetime(2026, 12, 24, 17, tzinfo=UTC))
    assert after.decoded("sequence") > before.decoded("sequence")


def test_a_reminder_moves_though_its_exchange_does_not(app: Flask) -> None:
    a_drawn_exchange()
    right = dues()
    with transaction() as session:
        session.execute(update(Reminder).values(due_at=right[7] - HOUR).where(Reminder.days_before == 7))
    assert laws.follow() == 1
    assert dues() == right


def test_a_reminder_that_is_late_by_the_new_law_is_sent(app: Flask) -> None:
    a_drawn_exchange()
    under_the_law_of_before()
    with time_machine.travel(datetime(2026, 12, 17, 17, 30, tzinfo=UTC)):
        laws.follow()
        [reminder_id] = planning.due(now(), 5)
        assert sending.send(reminder_id).queued == 2


def test_a_wall_time_that_many_exchanges_share_is_worked_out_once(app: Flask) -> None:
    for _ in range(3):
        a_drawn_exchange()
    planning.to_instant.cache_clear()
    assert laws.follow() == 0
    assert planning.to_instant.cache_info().misses == 3  # the date, and seven days and a day before


def test_a_zone_that_this_release_does_not_know_keeps_no_other_from_moving(app: Flask) -> None:
    exchange_id, right = a_drawn_exchange(), dues()
    a_drawn_exchange()
    under_the_law_of_before()
    with transaction() as session:
        session.execute(update(Exchange).where(Exchange.id != exchange_id).values(zone="Europe/Atlantis"))
    assert laws.follow() == 1
    planned = select(Reminder.days_before, Reminder.due_at).where(Reminder.exchange_id == exchange_id)
    assert {row.days_before: row.due_at for row in db.session.execute(planned)} == right


def test_what_is_over_or_no_matter_of_law_stays(app: Flask) -> None:
    a_drawn_exchange()
    under_the_law_of_before(timedelta(hours=4))
    past = factories.an_exchange(event_local=datetime(2026, 12, 9, 18), event_at=NOW - 17 * HOUR)  # noqa: DTZ001
    assert laws.follow() == 0
    assert db.session.get_one(Exchange, past).event_at == NOW - 17 * HOUR


def test_a_settled_reminder_of_that_instant_leaves_the_planned_one_where_it_is(app: Flask) -> None:
    exchange_id = a_drawn_exchange(reminder_days=[7])
    right = dues()[7]
    under_the_law_of_before()
    with transaction() as session:
        settled = {"state": ReminderState.CANCELLED, "reason": "moved", "done_at": NOW}
        session.add(Reminder(exchange_id=exchange_id, days_before=7, due_at=right, **settled))
    laws.follow()
    assert dues() == {7: right + HOUR}
