"""Every transition of an exchange: the allowed ones work, the others say what to do instead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from sneaky.core.clock import now
from sneaky.core.crypto import KEYRING, Keyring
from sneaky.core.db import db, transaction
from sneaky.core.errors import NotFound, RuleBroken
from sneaky.exchanges import join_links, lifecycle, participants
from sneaky.models import (
    AvoidLastYear,
    CompletedReason,
    Exchange,
    ExchangeState,
    Letter,
    LetterKind,
    LetterState,
    Participant,
    ParticipantState,
    Reminder,
    ReminderState,
)
from sneaky.outbox import queue
from tests import factories
from tests.exchanges.forms import christmas

DRAFT, OPEN, CLOSED = (
    ExchangeState.DRAFT,
    ExchangeState.REGISTRATION_OPEN,
    ExchangeState.REGISTRATION_CLOSED,
)
MATCHED, COMPLETED = ExchangeState.MATCHED, ExchangeState.COMPLETED


def an_exchange_in(state: ExchangeState) -> int:
    if state is COMPLETED:
        return factories.an_exchange(
            state=state, completed_at=now(), completed_reason=CompletedReason.DATE_PASSED
        )
    exchange_id = factories.an_exchange(state=state)
    if state is OPEN:
        join_links.replace(exchange_id)
    return exchange_id


def state_of(exchange_id: int) -> ExchangeState:
    return db.session.scalars(select(Exchange.state).where(Exchange.id == exchange_id)).one()


def kinds() -> list[LetterKind]:
    return list(db.session.scalars(select(Letter.kind).where(Letter.state == LetterState.QUEUED)))


def set_options(exchange_id: int) -> None:
    lifecycle.set_draw_options(
        exchange_id, no_reciprocal=True, single_loop=True, avoid_last_year=AvoidLastYear.HARD
    )


@pytest.mark.parametrize(
    ("before", "act", "after"),
    [
        (DRAFT, lifecycle.open_registration, OPEN),
        (OPEN, lifecycle.close_registration, CLOSED),
        (CLOSED, lifecycle.reopen_registration, OPEN),
        (OPEN, lifecycle.mark_matched, MATCHED),
        (CLOSED, lifecycle.mark_matched, MATCHED),
        (MATCHED, lifecycle.unmark_matched, CLOSED),
        (DRAFT, lifecycle.cancel, COMPLETED),
        (OPEN, lifecycle.cancel, COMPLETED),
        (CLOSED, lifecycle.cancel, COMPLETED),
        (MATCHED, lifecycle.cancel, COMPLETED),
    ],
)
def test_allowed_transition(
    app: Flask, before: ExchangeState, act: Callable[[int], None], after: ExchangeState
) -> None:
    exchange_id = an_exchange_in(before)
    act(exchange_id)
    assert state_of(exchange_id) is after


@pytest.mark.parametrize(
    ("state", "act", "instead"),
    [
        (OPEN, lifecycle.open_registration, "Share the join link"),
        (CLOSED, lifecycle.open_registration, "Reopen it"),
        (MATCHED, lifecycle.open_registration, "Undo the draw first"),
        (COMPLETED, lifecycle.open_registration, "Copy it"),
        (DRAFT, lifecycle.close_registration, "Open it first"),
        (CLOSED, lifecycle.close_registration, "Draw the names"),
        (MATCHED, lifecycle.close_registration, "ended with the draw"),
        (COMPLETED, lifecycle.close_registration, "Copy it"),
        (DRAFT, lifecycle.reopen_registration, "Open it first"),
        (OPEN, lifecycle.reopen_registration, "Share the join link"),
        (MATCHED, lifecycle.reopen_registration, "Undo the draw first"),
        (COMPLETED, lifecycle.reopen_registration, "Copy it"),
        (DRAFT, lifecycle.mark_matched, "Open registration first"),
        (MATCHED, lifecycle.mark_matched, "undo this draw"),
        (COMPLETED, lifecycle.mark_matched, "Copy it"),
        (DRAFT, lifecycle.unmark_matched, "Draw the names first"),
        (OPEN, lifecycle.unmark_matched, "Draw the names first"),
        (CLOSED, lifecycle.unmark_matched, "Draw the names first"),
        (COMPLETED, lifecycle.unmark_matched, "Copy it"),
        (COMPLETED, lifecycle.cancel, "nothing left to cancel"),
        (MATCHED, set_options, "Undo the draw first"),
        (COMPLETED, set_options, "Copy it"),
        (COMPLETED, lambda one: lifecycle.set_reminders(one, [1], True), "Copy it"),
        (COMPLETED, lambda one: lifecycle.change(one, christmas()), "Copy it"),
        (MATCHED, join_links.replace, "add people one by one"),
        (COMPLETED, join_links.replace, "Copy it"),
    ],
)
def test_refused_transition_says_what_to_do_instead(
    app: Flask, state: ExchangeState, act: Callable[[int], None], instead: str
) -> None:
    exchange_id = an_exchange_in(state)
    with pytest.raises(RuleBroken, match=instead):
        act(exchange_id)
    assert state_of(exchange_id) is state


@pytest.mark.parametrize("act", [lifecycle.open_registration, lifecycle.cancel, lifecycle.mark_matched])
def test_unknown_exchange_is_not_found(app: Flask, act: Callable[[int], None]) -> None:
    with pytest.raises(NotFound):
        act(99)


def test_new_exchange_takes_people_at_once(app: Flask) -> None:
    organizer = factories.an_organizer(name="Olga", email="olga@example.org")
    exchange_id = lifecycle.create(organizer, christmas(takes_part=True))
    assert state_of(exchange_id) is OPEN
    url = join_links.current(exchange_id)
    assert url is not None
    assert join_links.exchange_of(url.rpartition("/")[2]) == exchange_id
    seat = db.session.scalars(select(Participant)).one()
    assert (seat.name, seat.email, seat.organizer_id) == ("Olga", "olga@example.org", organizer)


def test_past_date_must_be_changed_before_registration_or_draw(app: Flask) -> None:
    yesterday: dict[str, Any] = {"event_at": now() - timedelta(days=1)}
    with pytest.raises(RuleBroken, match="Choose a new one first") as broken:
        lifecycle.open_registration(factories.an_exchange(state=DRAFT, **yesterday))
    assert broken.value.field == "event_local"
    with pytest.raises(RuleBroken, match="then draw"):
        lifecycle.mark_matched(factories.an_exchange(**yesterday))


@pytest.mark.parametrize(
    ("state", "act"),
    [
        (ExchangeState.REGISTRATION_OPEN, lifecycle.reopen_registration),
        (CLOSED, lifecycle.reopen_registration),
        (DRAFT, lifecycle.open_registration),
    ],
)
def test_opening_takes_a_passed_deadline_away_and_makes_a_closed_link_anew(
    app: Flask, state: ExchangeState, act: Callable[[int], None]
) -> None:
    ended = now() - timedelta(hours=1)
    exchange_id = factories.an_exchange(
        registration_ends_at=ended, registration_ends_local=ended.replace(tzinfo=None), state=state
    )
    act(exchange_id)
    exchange = db.session.get_one(Exchange, exchange_id)
    assert exchange.registration_ends_at is None
    assert exchange.registration_ends_local is None
    assert join_links.current(exchange_id) is not None


class TestChanging:
    def test_before_the_draw_nobody_is_told(self, app: Flask) -> None:
        exchange_id = lifecycle.create(factories.an_organizer(), christmas())
        factories.participants(exchange_id, 3)
        lifecycle.change(exchange_id, christmas(place="The office"))
        assert db.session.get_one(Exchange, exchange_id).place == "The office"
        assert kinds() == []

    def test_after_the_draw_everybody_is_told_what_changed(self, app: Flask) -> None:
        exchange_id = lifecycle.create(factories.an_organizer(), christmas())
        factories.participants(exchange_id, 3)
        factories.a_participant(exchange_id, state=ParticipantState.WITHDRAWN)
        lifecycle.mark_matched(exchange_id)
        form = christmas(place="The office", zone="Europe/Lisbon")
        lifecycle.change(exchange_id, form)
        letters = db.session.scalars(select(Letter)).all()
        assert [letter.kind for letter in letters] == [LetterKind.EXCHANGE_CHANGED] * 3
        assert [letter.facts for letter in letters] == [{"changes": ["date", "place"]}] * 3
        lifecycle.change(exchange_id, form)
        assert len(kinds()) == 3
        lifecycle.change(exchange_id, replace(form, reminder_days=[2]))
        assert len(kinds()) == 3

    def test_a_later_day_takes_reminders_out_that_have_not_left(self, app: Flask) -> None:
        exchange_id = lifecycle.create(factories.an_organizer(), christmas())
        factories.a_participant(exchange_id)
        lifecycle.mark_matched(exchange_id)
        with transaction():
            queue.put_for_participants(LetterKind.REMINDER, exchange_id, dedupe_prefix="reminder:1")
        reminder = select(Letter.state).where(Letter.kind == LetterKind.REMINDER)
        before = christmas().event_local
        for days, state in ((-1, LetterState.QUEUED), (-1, LetterState.QUEUED), (0, LetterState.DISCARDED)):
            lifecycle.change(exchange_id, christmas(event_local=before + timedelta(days=days)))
            assert db.session.scalars(reminder).all() == [state]

    def test_zone_keeps_the_wall_time_and_moves_the_instant(self, app: Flask) -> None:
        exchange_id = lifecycle.create(factories.an_organizer(), christmas(zone="UTC"))
        before = db.session.get_one(Exchange, exchange_id).event_at
        lifecycle.change(exchange_id, christmas(zone="Asia/Tokyo"))
        after = db.session.get_one(Exchange, exchange_id)
        assert after.event_local == christmas().event_local
        assert before - after.event_at == timedelta(hours=9)

    def test_date_may_not_move_into_the_past_but_other_fields_may_change_late(self, app: Flask) -> None:
        gone = (now() - timedelta(days=2)).replace(tzinfo=None, microsecond=0)
        exchange_id = factories.an_exchange(
            state=MATCHED, event_local=gone, zone="UTC", registration_ends_local=gone - timedelta(days=1)
        )
        form = christmas(event_local=gone, zone="UTC", registration_ends_local=gone - timedelta(days=1))
        lifecycle.change(exchange_id, replace(form, place="Elsewhere"))
        with pytest.raises(RuleBroken) as broken:
            lifecycle.change(exchange_id, replace(form, event_local=gone + timedelta(days=1)))
        assert broken.value.field == "event_local"
        with pytest.raises(RuleBroken) as broken:
            lifecycle.change(exchange_id, replace(form, registration_ends_local=gone - timedelta(hours=3)))
        assert broken.value.field == "registration_ends_local"

    def test_organizer_joins_and_leaves_until_the_draw(self, app: Flask) -> None:
        exchange_id = lifecycle.create(factories.an_organizer(), christmas())
        seat = select(Participant.state).where(Participant.organizer_id.is_not(None))
        for takes_part in (True, False, True):
            lifecycle.change(exchange_id, christmas(takes_part=takes_part))
            is_active = db.session.scalars(seat).one() is ParticipantState.ACTIVE
            assert is_active is takes_part
        lifecycle.mark_matched(exchange_id)
        with pytest.raises(RuleBroken, match="withdraw yourself"):
            lifecycle.change(exchange_id, christmas(takes_part=False))

    def test_organizer_whose_address_was_mended_keeps_that_seat(self, app: Flask) -> None:
        exchange_id = lifecycle.create(factories.an_organizer(), christmas(takes_part=True))
        seat = db.session.scalars(select(Participant.id)).one()
        participants.change_email(seat, "olga.private@example.org")
        for takes_part in (False, True, False):
            lifecycle.change(exchange_id, christmas(takes_part=takes_part))
        assert db.session.scalars(select(Participant.id)).all() == [seat]
        assert db.session.get_one(Participant, seat).state is ParticipantState.WITHDRAWN

    def test_organizer_who_had_joined_by_the_link_keeps_that_seat(self, app: Flask) -> None:
        organizer = factories.an_organizer(email="olga@example.org")
        exchange_id = lifecycle.create(organizer, christmas())
        seat = factories.a_participant(exchange_id, email="olga@example.org")
        lifecycle.change(exchange_id, christmas(takes_part=True))
        assert db.session.scalars(select(Participant.id)).all() == [seat]


class TestCancelling:
    def test_everybody_is_told_and_nothing_else_goes_out(self, app: Flask) -> None:
        exchange_id = factories.an_exchange()
        people = factories.participants(exchange_id, 3)
        lifecycle.mark_matched(exchange_id)
        lifecycle.set_reminders(exchange_id, [7, 1], True)
        with transaction():
            queue.put_for_participants(LetterKind.MATCH, exchange_id, dedupe_prefix="match:1")
        lifecycle.cancel(exchange_id)
        exchange = db.session.get_one(Exchange, exchange_id)
        assert exchange.completed_reason is CompletedReason.CANCELLED
        assert kinds() == [LetterKind.EXCHANGE_CANCELLED] * len(people)
        reminders = db.session.scalars(select(Reminder)).all()
        assert {row.state for row in reminders} == {ReminderState.CANCELLED}
        assert {row.reason for row in reminders} == {"the exchange was cancelled"}

    def test_people_of_a_draft_never_heard_of_it(self, app: Flask) -> None:
        exchange_id = factories.an_exchange(state=DRAFT)
        factories.participants(exchange_id, 3)
        lifecycle.cancel(exchange_id)
        assert kinds() == []


class TestReminderDays:
    def test_switching_off_cancels_and_switching_on_plans_anew(self, app: Flask) -> None:
        exchange_id = factories.an_exchange()
        lifecycle.mark_matched(exchange_id)
        states = select(Reminder.state).order_by(Reminder.days_before)
        lifecycle.set_reminders(exchange_id, [1, 3], True)
        assert db.session.scalars(states).all() == [ReminderState.PLANNED] * 2
        lifecycle.set_reminders(exchange_id, [1, 3], False)
        assert db.session.scalars(states).all() == [ReminderState.CANCELLED] * 2
        lifecycle.set_reminders(exchange_id, [3], True)
        assert db.session.scalars(states).all() == [ReminderState.CANCELLED, ReminderState.PLANNED]

    def test_before_the_draw_there_are_no_rows(self, app: Flask) -> None:
        exchange_id = factories.an_exchange()
        lifecycle.set_reminders(exchange_id, [2], True)
        assert db.session.get_one(Exchange, exchange_id).reminder_days == [2]
        assert db.session.scalars(select(Reminder)).all() == []


def test_draw_options_are_kept(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    set_options(exchange_id)
    exchange = db.session.get_one(Exchange, exchange_id)
    assert (exchange.no_reciprocal, exchange.single_loop) == (True, True)
    assert exchange.avoid_last_year is AvoidLastYear.HARD


def test_reopening_keeps_the_link_that_people_have(app: Flask) -> None:
    exchange_id = lifecycle.create(factories.an_organizer(), christmas())
    link = join_links.current(exchange_id)
    lifecycle.close_registration(exchange_id)
    lifecycle.reopen_registration(exchange_id)
    assert join_links.current(exchange_id) == link


def test_reopening_makes_a_link_whose_key_is_gone_anew(app: Flask) -> None:
    exchange_id = factories.an_exchange(state=DRAFT)
    lifecycle.open_registration(exchange_id)
    app.extensions[KEYRING] = Keyring(b"a fresh secret key of enough length")
    assert join_links.current(exchange_id) is None
    lifecycle.reopen_registration(exchange_id)
    assert join_links.current(exchange_id) is not None


def test_join_link_is_replaced_and_closed(app: Flask) -> None:
    exchange_id = lifecycle.create(factories.an_organizer(), christmas())
    first = join_links.current(exchange_id) or ""
    join_links.replace(exchange_id)
    second = join_links.current(exchange_id) or ""
    assert first != second
    assert join_links.exchange_of(second.rpartition("/")[2]) == exchange_id
    with pytest.raises(NotFound):
        join_links.exchange_of(first.rpartition("/")[2])
    join_links.close(exchange_id)
    assert join_links.current(exchange_id) is None
    with pytest.raises(NotFound):
        join_links.exchange_of(second.rpartition("/")[2])
    assert join_links.current(99) is None


def test_copy_is_a_draft_a_year_later_with_the_same_people_and_rules(app: Flask) -> None:
    local = datetime(2024, 2, 29, 20)  # noqa: DTZ001
    exchange_id = factories.an_exchange(
        event_local=local, state=COMPLETED, completed_at=now(), completed_reason="date_passed"
    )
    copied = db.session.get_one(Exchange, lifecycle.copy(exchange_id))
    assert copied.state is DRAFT
    assert copied.event_at > now()
    assert (copied.event_local.month, copied.event_local.day, copied.event_local.hour) == (2, 28, 20)
    assert copied.copied_from_id == exchange_id
    assert copied.avoid_last_year is AvoidLastYear.SOFT
    with pytest.raises(NotFound):
        lifecycle.copy(99)
