"""Turns one due reminder into letters, once, however often it is asked to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pytz
from sqlalchemy import select
from sqlalchemy.orm import Session

from sneaky.core.clock import now
from sneaky.core.db import nudge_after_commit, transaction
from sneaky.core.errors import NotFound, words
from sneaky.models import Exchange, ExchangeState, LetterKind, Participant, Reminder, ReminderState
from sneaky.models.letters import STILL_TO_GO
from sneaky.outbox import queue

EXCHANGE_NOT_DRAWN = words("the names are not drawn any more, or the exchange is over")
DATE_PASSED = words("the date of the exchange had already passed")
NEARER_DUE = words("a nearer reminder was due as well")
NOBODY_WANTS = words("nobody who takes part wants reminders")


@dataclass(frozen=True)
class ReminderOutcome:
    """What became of a reminder: its state, the reason if it was not sent, the letters queued just now."""

    state: ReminderState
    reason: str
    queued: int


def send(reminder_id: int, *, even_if_early: bool = False) -> ReminderOutcome:
    """Queue one letter for everybody who takes part and wants reminders, and mark the reminder sent.

    A late reminder is sent as long as the date is ahead and no nearer one is due; otherwise it is skipped
    with the reason. One that is settled already, or not due yet, is left alone; `even_if_early` (somebody
    asks for it by hand) sends before the due instant. Raises `NotFound` for an unknown id.
    """
    with transaction() as session:
        exchange, reminder = _held(session, reminder_id)
        if reminder.state is not ReminderState.PLANNED:
            return ReminderOutcome(reminder.state, reminder.reason, 0)
        at = now()
        if reminder.due_at > at and not even_if_early:
            return ReminderOutcome(reminder.state, words("it is not due yet"), 0)
        reason = _reason_to_skip(session, reminder, exchange, at)
        queued = 0 if reason else _queue_letters(reminder, exchange, at)
        reminder.reason = reason or ("" if queued else NOBODY_WANTS)
        reminder.state = ReminderState.SENT if queued else ReminderState.SKIPPED
        reminder.queued_count, reminder.done_at = queued, at
        nudge_after_commit("schedule")
        return ReminderOutcome(reminder.state, reminder.reason, queued)


def _held(session: Session, reminder_id: int) -> tuple[Exchange, Reminder]:
    """Both rows, locked in the order every writer keeps: the exchange first."""
    exchange_id = session.scalar(select(Reminder.exchange_id).where(Reminder.id == reminder_id))
    exchange = session.get(Exchange, exchange_id, with_for_update=True) if exchange_id else None
    reminder = session.get(Reminder, reminder_id, with_for_update=True)
    if exchange is None or reminder is None:
        raise NotFound
    return exchange, reminder


def _reason_to_skip(session: Session, reminder: Reminder, exchange: Exchange, at: datetime) -> str:
    if exchange.state is not ExchangeState.MATCHED:
        return EXCHANGE_NOT_DRAWN
    if exchange.event_at <= at:
        return DATE_PASSED
    nearer = session.scalar(
        select(Reminder.id)
        .where(
            Reminder.exchange_id == exchange.id,
            Reminder.state.in_([ReminderState.PLANNED, ReminderState.SENT]),
            Reminder.due_at > reminder.due_at,
            Reminder.due_at <= at,
        )
        .limit(1)
    )
    return NEARER_DUE if nearer is not None else ""


def _queue_letters(reminder: Reminder, exchange: Exchange, at: datetime) -> int:
    """A letter for each; it takes the place of an earlier reminder that still waits for its mail server."""
    queue.call_back(exchange.id, LetterKind.REMINDER, states=STILL_TO_GO)
    return queue.put_for_participants(
        LetterKind.REMINDER,
        exchange.id,
        only=[Participant.wants_reminders.is_(True)],
        dedupe_prefix=f"reminder:{reminder.id}",
        facts={"days_before": days_left(exchange, at)},
    )


def days_left(exchange: Exchange, at: datetime) -> int:
    """Calendar days from `at` to the date, in the exchange's zone; fewer than planned if it is late."""
    today = at.astimezone(pytz.timezone(exchange.zone)).date()
    return (exchange.event_local.date() - today).days
