"""Reminder rows and date jobs agree, whatever happens to either."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, insert, select, update

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.models import Exchange, ExchangeState, Letter, Reminder, ReminderState, job_store_table
from sneaky.reminders import planning
from sneaky.scheduler.arming import Arming
from sneaky.scheduler.clock import Clock
from tests import factories
from tests.scheduler.conftest import StartClock, executions, wait_until

FAR = timedelta(days=30)


@pytest.fixture
def clock(any_app: Flask, start_clock: StartClock) -> Clock:
    return start_clock(any_app)


def a_matched_exchange(event_at: datetime, days: tuple[int, ...] = (7, 3, 1)) -> int:
    """A drawn exchange in UTC with two people and its reminders planned."""
    exchange_id = factories.an_exchange(
        event_local=event_at.replace(tzinfo=None, microsecond=0),
        zone="UTC",
        state=ExchangeState.MATCHED,
        reminder_days=list(days),
    )
    factories.participants(exchange_id, 2)
    planning.plan(exchange_id)
    return exchange_id


def date_jobs() -> dict[str, datetime]:
    """What is armed: job id and run time."""
    db.session.remove()
    rows = db.session.execute(
        select(job_store_table.c.id, job_store_table.c.next_run_time).where(
            job_store_table.c.id.startswith("reminder_exchange_")
        )
    )
    return {row.id: datetime.fromtimestamp(row.next_run_time, UTC) for row in rows}


def planned(exchange_id: int) -> dict[str, datetime]:
    """What should be armed."""
    db.session.remove()
    rows = db.session.scalars(
        select(Reminder).where(Reminder.exchange_id == exchange_id, Reminder.state == ReminderState.PLANNED)
    )
    return {f"reminder_exchange_{exchange_id}_days_{row.days_before}": row.due_at for row in rows}


def states(exchange_id: int) -> dict[int, ReminderState]:
    db.session.remove()
    rows = db.session.scalars(select(Reminder).where(Reminder.exchange_id == exchange_id))
    return {row.days_before: row.state for row in rows}


def test_a_draw_arms_one_date_job_for_each_reminder_at_once(clock: Clock) -> None:
    exchange_id = a_matched_exchange(now() + FAR)
    wait_until(lambda: date_jobs() == planned(exchange_id) != {})
    assert sorted(date_jobs()) == [f"reminder_exchange_{exchange_id}_days_{days}" for days in (1, 3, 7)]
    stored = clock.scheduler.get_job(f"reminder_exchange_{exchange_id}_days_3")
    assert stored.args == ("send_reminder_for_exchange", exchange_id, 3)


def test_a_moved_date_moves_the_jobs(clock: Clock) -> None:
    exchange_id = a_matched_exchange(now() + FAR)
    wait_until(lambda: date_jobs() == planned(exchange_id) != {})
    before = date_jobs()
    with transaction() as session:
        exchange = session.get_one(Exchange, exchange_id)
        exchange.event_local += timedelta(days=2)
        exchange.event_at += timedelta(days=2)
    planning.replan(exchange_id)
    wait_until(lambda: date_jobs() == planned(exchange_id))
    assert {job_id: due - timedelta(days=2) for job_id, due in date_jobs().items()} == before


def test_a_cancelled_exchange_has_no_date_jobs(clock: Clock) -> None:
    exchange_id = a_matched_exchange(now() + FAR)
    wait_until(lambda: len(date_jobs()) == 3)
    planning.cancel(exchange_id, "called off")
    wait_until(lambda: date_jobs() == {})


def test_another_process_that_draws_is_noticed_within_a_tick(clock: Clock, any_app: Flask) -> None:
    any_app.extensions["sneaky.nudge"] = None  # as in a process that does not lead
    exchange_id = a_matched_exchange(now() + FAR)
    wait_until(lambda: date_jobs() == planned(exchange_id) != {})


def test_a_due_reminder_is_sent_once_and_leaves_nothing_armed(clock: Clock) -> None:
    exchange_id = a_matched_exchange(now() + FAR, days=(1,))
    job_id = f"reminder_exchange_{exchange_id}_days_1"
    due = now() + timedelta(seconds=1)
    with transaction() as session:
        session.execute(update(Reminder).values(due_at=due))
    wait_until(lambda: states(exchange_id) == {1: ReminderState.SENT})
    wait_until(lambda: date_jobs() == {})
    assert [row.slot for row in executions(job_id)] == [due]
    assert len(db.session.scalars(select(Letter.id)).all()) == 2


def test_a_lost_job_store_is_filled_again_by_the_next_leader(any_app: Flask, start_clock: StartClock) -> None:
    first = start_clock(any_app)
    exchange_id = a_matched_exchange(now() + FAR)
    wait_until(lambda: len(date_jobs()) == 3)
    first.stop()
    with transaction() as session:
        session.execute(delete(job_store_table))
    start_clock(any_app)
    wait_until(lambda: date_jobs() == planned(exchange_id))


def test_a_job_lost_shortly_before_its_time_is_noticed_on_the_next_round(clock: Clock) -> None:
    exchange_id = a_matched_exchange(now() + timedelta(days=1, minutes=30), days=(1,))
    wait_until(lambda: len(date_jobs()) == 1)
    with transaction() as session:
        session.execute(delete(job_store_table).where(job_store_table.c.id.startswith("reminder_")))
    wait_until(lambda: date_jobs() == planned(exchange_id))


def test_a_job_whose_exchange_was_erased_goes_before_its_time(clock: Clock) -> None:
    exchange_id = a_matched_exchange(now() + timedelta(days=1, minutes=30), days=(1,))
    wait_until(lambda: len(date_jobs()) == 1)
    with transaction() as session:
        session.execute(delete(Exchange).where(Exchange.id == exchange_id))
    wait_until(lambda: date_jobs() == {})


def test_a_job_handed_out_but_never_begun_is_armed_again(any_app: Flask, start_clock: StartClock) -> None:
    """A process killed between taking a due job from the store and claiming its run."""
    exchange_id = a_matched_exchange(now() + FAR, days=(1,))
    due = now()
    with transaction() as session:  # marked as armed, due, and its job is gone
        session.execute(update(Reminder).values(due_at=due, armed_for=due))
    start_clock(any_app)
    wait_until(lambda: states(exchange_id) == {1: ReminderState.SENT})


def test_rows_and_jobs_agree_after_any_disorder(any_app: Flask, start_clock: StartClock) -> None:
    clock = start_clock(any_app)
    ids = [a_matched_exchange(now() + FAR + timedelta(days=number)) for number in range(4)]
    wait_until(lambda: len(date_jobs()) == 12)
    clock.stop()
    with transaction() as session:
        session.execute(delete(job_store_table).where(job_store_table.c.id.like(f"%exchange_{ids[0]}_%")))
        stray = {"id": "reminder_exchange_999_days_1", "next_run_time": 4e9, "job_state": b"-"}
        session.execute(insert(job_store_table).values(**stray))
        session.execute(update(Reminder).where(Reminder.exchange_id == ids[1]).values(armed_for=None))
    planning.cancel(ids[2], "called off")
    start_clock(any_app)
    wanted = {job_id: due for exchange_id in ids for job_id, due in planned(exchange_id).items()}
    wait_until(lambda: date_jobs() == wanted)
    assert len(wanted) == 9


def test_a_round_with_nothing_new_reads_no_reminder_rows(
    any_app: Flask, start_clock: StartClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = start_clock(any_app)
    a_matched_exchange(now() + FAR)
    wait_until(lambda: len(date_jobs()) == 3)
    clock.stop()
    arming = Arming(clock.scheduler, clock._store)
    arming.round()

    def refuse(*_rows: object) -> Iterator[None]:
        raise AssertionError("a job was written though nothing had changed")

    monkeypatch.setattr(clock._store, "row", refuse)
    arming.round()


def test_a_new_leader_moves_reminders_with_the_rules_of_their_zone(
    any_app: Flask, start_clock: StartClock
) -> None:
    exchange_id = a_matched_exchange(now() + FAR)
    right = planned(exchange_id)
    with transaction() as session:
        for row in session.scalars(select(Reminder)):
            row.due_at += timedelta(hours=1)
    start_clock(any_app)
    wait_until(lambda: date_jobs() == right)
    assert planned(exchange_id) == right
