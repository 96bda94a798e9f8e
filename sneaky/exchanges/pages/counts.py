"""Counts that pages ask for beside a row of `Exchange`: subqueries, so that no page asks once a row."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Subquery, and_, bindparam, func, select
from sqlalchemy.orm import aliased

from sneaky.models import (
    Draw,
    DrawState,
    Exchange,
    Letter,
    LetterKind,
    LetterState,
    Match,
    Participant,
    ParticipantState,
    Reminder,
    ReminderState,
    WishListItem,
)
from sneaky.models.columns import constant
from sneaky.models.letters import UNDELIVERED

IS_CURRENT = Draw.state == constant(DrawState.CURRENT)
IS_ACTIVE = Participant.state == constant(ParticipantState.ACTIVE)
IN_THE_HAT = (ParticipantState.ACTIVE, ParticipantState.PENDING)
IS_PENDING = Participant.state == constant(ParticipantState.PENDING)
HAS_LEFT = Participant.state == constant(ParticipantState.WITHDRAWN)
IS_UNDELIVERED = Letter.state.in_([constant(state) for state in UNDELIVERED])

current_draw_id = (
    select(Draw.id).where(Draw.exchange_id == Exchange.id, IS_CURRENT).correlate(Exchange).scalar_subquery()
)
# The state is no condition of the whole, or SQLite would go through the planned reminders of all exchanges.
next_reminder_at = (
    select(func.min(Reminder.due_at).filter(Reminder.state == constant(ReminderState.PLANNED)))
    .where(Reminder.exchange_id == Exchange.id)
    .correlate(Exchange)
    .scalar_subquery()
)
wish_lists_filled = (
    select(func.count())
    .where(
        Participant.exchange_id == Exchange.id,
        IS_ACTIVE,
        select(WishListItem.id).where(WishListItem.participant_id == Participant.id).exists(),
    )
    .correlate(Exchange)
    .scalar_subquery()
)


_newer = aliased(Letter)
unreachable = (
    select(func.count())
    .select_from(Letter)
    .join(Participant)
    .where(
        Letter.exchange_id == Exchange.id,
        IS_UNDELIVERED,
        ~HAS_LEFT,
        ~select(_newer.id)
        .where(_newer.participant_id == Letter.participant_id, _newer.id > Letter.id)
        .exists(),
    )
    .correlate(Exchange)
    .scalar_subquery()
)
letters_delivered = (
    select(func.count(Letter.participant_id.distinct()))
    .select_from(Draw)
    .join(Letter, and_(Letter.exchange_id == Draw.exchange_id, Letter.created_at >= Draw.drawn_at))
    .join(Participant, and_(Participant.id == Letter.participant_id, IS_ACTIVE))
    .where(
        Draw.exchange_id == Exchange.id,
        IS_CURRENT,
        Letter.kind.in_([constant(kind) for kind in (LetterKind.MATCH, LetterKind.RECIPIENT_CHANGED)]),
        Letter.state == constant(LetterState.SENT),
    )
    .correlate(Exchange)
    .scalar_subquery()
)


def people(*conditions: ColumnElement[bool]) -> ScalarSelect[Any]:
    """How many participants of the exchange fulfil `conditions`."""
    here = Participant.exchange_id == Exchange.id
    return select(func.count()).where(here, *conditions).correlate(Exchange).scalar_subquery()


def matches(*conditions: ColumnElement[bool]) -> ScalarSelect[Any]:
    """How many matches of the exchange's current draw fulfil `conditions`: a number, never which."""
    return (
        select(func.count())
        .join_from(Match, Draw)
        .where(Draw.exchange_id == Exchange.id, IS_CURRENT, *conditions)
        .correlate(Exchange)
        .scalar_subquery()
    )


def tally_of_matches(**conditions: ColumnElement[bool]) -> Subquery:
    """One row: how many matches of the current draw of `exchange_id` fulfil each named condition.

    For pages with many such counts: every match is looked at once and not once for each of them.
    """
    return (
        select(*(func.count().filter(condition).label(name) for name, condition in conditions.items()))
        .select_from(Match)
        .join(Draw)
        .where(Draw.exchange_id == bindparam("exchange_id"), IS_CURRENT)
        .subquery()
    )
