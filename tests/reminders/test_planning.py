"""Reminder instants: wall time kept across every change of clocks, and rows that agree with the date."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytz
import time_machine
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from sneaky.core.clock import now
from sneaky.core.db import db, set_nudge, transaction
from sneaky.core.errors import NotFound
from sneaky.models import Exchange, ExchangeState, Reminder, ReminderState
from sneaky.reminders import planning
from tests import factories

CASES = json.loads((Path(__file__).parent / "reminder_cases.json").read_text())["reminders"]
PLANNED, SKIPPED, CANCELLED, SENT = (
    ReminderState.PLANNED,
    ReminderState.SKIPPED,
    ReminderState.CANCELLED,
    ReminderState.SENT,
)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def rows(exchange_id: int) -> list[tuple[int, ReminderState, str]]:
    found = db.session.scalars(
        select(Reminder)
        .where(Reminder.exchange_id == exchange_id)
        .order_by(Reminder.due_at)
        .execution_options(populate_existing=True)
    )
    return [(row.days_before, row.state, row.reason) for row in found]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['zone']} -{case['days_before']}")
def test_due_instants_of_the_collected_cases(case: dict[str, str | int]) -> None:
    due = planning.due_instant(wall(str(case["event_local"])), str(case["zone"]), int(case["days_before"]))
    assert due == wall(str(case["due_utc"]))
    assert due.tzinfo is UTC


@pytest.mark.parametrize(
    ("zone", "local", "instant"),
    [
        ("Europe/Berlin", "2027-03-28T02:30", "2027-03-28T01:00+00:00"),  # gap: first valid instant
        ("Europe/Berlin", "2027-03-28T02:00", "2027-03-28T01:00+00:00"),
        ("Europe/Berlin", "2027-03-28T03:00", "2027-03-28T01:00+00:00"),
        ("Europe/Berlin", "2027-10-31T02:30", "2027-10-31T00:30+00:00"),  # fold: the first of the two
        ("Australia/Lord_Howe", "2027-10-03T02:15", "2027-10-02T15:30+00:00"),  # half an hour
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00+00:00"),  # a whole day skipped
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30+00:00"),
        ("Asia/Kathmandu", "2026-12-24T00:00", "2026-12-23T18:15+00:00"),
        ("Africa/Casablanca", "2027-03-14T02:30", "2027-03-14T02:30+00:00"),
    ],
)
def test_gaps_move_forward_and_folds_take_the_first(zone: str, local: str, instant: str) -> None:
    assert planning.to_instant(wall(local), zone) == wall(instant)


def test_unknown_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown zone Mars/Olympus"):
        planning.to_instant(wall("2026-12-24T18:00"), "Mars/Olympus")


@given(
    zone=st.sampled_from(pytz.all_timezones),
    local=st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1)),  # noqa: DTZ001
)
def test_instant_shows_the_wall_time_or_the_end_of_its_gap(zone: str, local: datetime) -> None:
    place = pytz.timezone(zone)
    instant = planning.to_instant(local, zone)
    shown = instant.astimezone(place).replace(tzinfo=None)
    assert shown >= local
    if shown == local:
        earlier = (instant - timedelta(hours=1)).astimezone(place).replace(tzinfo=None)
        assert earlier < local, "the first of two"
    else:
        just_before = (instant - timedelta(seconds=1)).astimezone(place).replace(tzinfo=None)
        assert just_before < local


def test_plan_writes_a_row_for_each_day(any_app: Flask) -> None:
    exchange_id = factories.an_exchange(state=ExchangeState.MATCHED, reminder_days=[7, 3, 1])
    nudged: list[str] = []
    set_nudge(any_app.extensions, nudged.append)
    planning.plan(exchange_id)
    assert rows(exchange_id) == [(7, PLANNED, ""), (3, PLANNED, ""), (1, PLANNED, "")]
    assert nudged == ["schedule"]
    planning.plan(exchange_id)
    assert len(rows(exchange_id)) == 3


def test_what_is_past_at_the_draw_is_skipped_with_the_reason(app: Flask) -> None:
    local = (now() + timedelta(days=2)).replace(tzinfo=None)
    exchange_id = factories.an_exchange(
        state=ExchangeState.MATCHED, event_local=local, zone="UTC", reminder_days=[7, 1]
    )
    planning.plan(exchange_id)
    assert rows(exchange_id) == [
        (7, SKIPPED, "its time had already passed when the names were drawn"),
        (1, PLANNED, ""),
    ]


@pytest.mark.parametrize("values", [{"has_reminders": False}, {"reminder_days": []}])
def test_without_reminders_there_are_no_rows(app: Flask, values: dict[str, object]) -> None:
    exchange_id = factories.an_exchange(None, state=ExchangeState.MATCHED, **values)
    planning.plan(exchange_id)
    assert rows(exchange_id) == []


def test_unknown_exchange_is_not_found(app: Flask) -> None:
    with pytest.raises(NotFound):
        planning.plan(99)


def move(exchange_id: int, *, days: int) -> None:
    with transaction() as session:
        exchange = session.get_one(Exchange, exchange_id)
        exchange.event_local += timedelta(days=days)
        exchange.event_at += timedelta(days=days)
    planning.replan(exchange_id)


def test_postponed_exchange_is_reminded_anew_and_moved_back_finds_its_rows(app: Flask) -> None:
    exchange_id = factories.an_exchange(state=ExchangeState.MATCHED, reminder_days=[3])
    planning.plan(exchange_id)
    move(exchange_id, days=10)
    changed = "the date or the reminder days were changed"
    assert rows(exchange_id) == [(3, CANCELLED, changed), (3, PLANNED, "")]
    move(exchange_id, days=-10)
    assert rows(exchange_id) == [(3, PLANNED, ""), (3, CANCELLED, changed)]


def test_moved_to_sooner_skips_what_is_past_then(app: Flask) -> None:
    local = (now() + timedelta(days=20)).replace(tzinfo=None)
    exchange_id = factories.an_exchange(
        state=ExchangeState.MATCHED, event_local=local, zone="UTC", reminder_days=[7, 1]
    )
    planning.plan(exchange_id)
    move(exchange_id, days=-18)
    states = [(days, state) for days, state, _reason in rows(exchange_id)]
    assert states == [(7, SKIPPED), (1, PLANNED), (7, CANCELLED), (1, CANCELLED)]
    assert rows(exchange_id)[0][2] == "its time had already passed when the date was changed"


def test_what_was_sent_stays_sent(app: Flask) -> None:
    exchange_id = factories.an_exchange(state=ExchangeState.MATCHED, reminder_days=[3])
    planning.plan(exchange_id)
    with transaction() as session:
        session.scalars(select(Reminder)).one().state = SENT
    move(exchange_id, days=5)
    move(exchange_id, days=-5)
    assert [state for _days, state, _reason in rows(exchange_id)] == [SENT, CANCELLED]


def test_replanning_before_a_draw_writes_nothing(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    planning.replan(exchange_id)
    assert rows(exchange_id) == []


def test_cancel_leaves_other_exchanges_alone(app: Flask) -> None:
    one, other = (factories.an_exchange(state=ExchangeState.MATCHED) for _ in range(2))
    for exchange_id in (one, other):
        planning.plan(exchange_id)
    planning.cancel(one, "the draw was undone")
    assert {row[1:] for row in rows(one)} == {(CANCELLED, "the draw was undone")}
    assert {row[1] for row in rows(other)} == {PLANNED}


def test_due_lists_the_earliest_first(app: Flask) -> None:
    exchange_id = factories.an_exchange(state=ExchangeState.MATCHED, reminder_days=[7, 3, 1])
    planning.plan(exchange_id)
    ids = list(db.session.scalars(select(Reminder.id).order_by(Reminder.due_at)))
    instants = list(db.session.scalars(select(Reminder.due_at).order_by(Reminder.due_at)))
    assert planning.due(instants[0] - timedelta(microseconds=1), 10) == []
    assert planning.due(instants[1], 10) == ids[:2]
    assert planning.due(instants[2], 1) == ids[:1]


@time_machine.travel("2026-10-20T12:00:00+00:00", tick=False)
def test_zone_change_moves_every_planned_reminder(app: Flask) -> None:
    exchange_id = factories.an_exchange(
        state=ExchangeState.MATCHED,
        event_local=wall("2026-11-05T18:00"),
        zone="America/New_York",
        reminder_days=[7],
    )
    planning.plan(exchange_id)
    with transaction() as session:
        session.get_one(Exchange, exchange_id).zone = "Europe/Berlin"
    planning.replan(exchange_id)
    due = db.session.scalars(select(Reminder.due_at).where(Reminder.state == PLANNED)).all()
    assert due == [wall("2026-10-29T17:00+00:00")]
