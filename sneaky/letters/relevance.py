"""Which letters are no longer true when their turn comes; those are taken out instead of sent."""

from __future__ import annotations

from sqlalchemy import select

from sneaky.core.clock import now
from sneaky.core.db import db
from sneaky.exchanges.pages import counts
from sneaky.letters.sources import Source, is_alive
from sneaky.models import (
    CompletedReason,
    Exchange,
    ExchangeState,
    Letter,
    LetterKind,
    LetterState,
    Participant,
    ParticipantState,
)
from sneaky.models.states import NOTICES, REMINDERS
from sneaky.outbox.message import LetterObsolete
from sneaky.reminders import sending

_ABOUT_THE_DRAW = frozenset(
    {
        LetterKind.MATCH,
        LetterKind.RECIPIENT_CHANGED,
        LetterKind.SECOND_GIFT,
        LetterKind.REMINDER,
        LetterKind.WISH_LIST_CHANGED,
    }
)
_BEFORE_THE_EVENT = frozenset({LetterKind.REMINDER, LetterKind.NUDGE, LetterKind.EXCHANGE_CHANGED})
_BY_LINK = frozenset(
    {
        LetterKind.CONFIRM_REGISTRATION,
        LetterKind.ALREADY_JOINED,
        LetterKind.MAGIC_LINK,
        LetterKind.PASSWORD_RESET,
        LetterKind.ORGANIZER_INVITATION,
    }
)


def refuse_obsolete(source: Source) -> None:
    """Raises `LetterObsolete` with the reason where a letter need not be sent any more."""
    kind = source.letter.kind
    if source.participant is not None:
        _refuse_absent(kind, source.participant)
    if source.exchange is not None:
        _refuse_passed(kind, source.exchange)
    if kind is LetterKind.REMINDER and source.exchange is not None:
        _refuse_unneeded(source.letter, source.exchange)
    if kind in _BY_LINK and (source.token is None or not is_alive(source.token)):
        raise LetterObsolete("The link in it was used, or has expired.")


def _refuse_absent(kind: LetterKind, participant: Participant) -> None:
    if participant.state is ParticipantState.WITHDRAWN:
        raise LetterObsolete("They do not take part any more.")
    if kind in REMINDERS and not participant.wants_reminders:
        raise LetterObsolete("They do not want reminders.")
    if kind in NOTICES and not participant.wants_notices:
        raise LetterObsolete("They do not want notices.")


def _refuse_passed(kind: LetterKind, exchange: Exchange) -> None:
    is_drawn = exchange.state is ExchangeState.MATCHED
    is_over = exchange.state is ExchangeState.COMPLETED
    took_place = exchange.completed_reason is CompletedReason.DATE_PASSED
    if kind in _ABOUT_THE_DRAW and not is_drawn:
        raise LetterObsolete("The draw it speaks of does not count any more.")
    if kind is LetterKind.NEW_MESSAGE and not (is_drawn or took_place):
        raise LetterObsolete("The conversation has ended.")
    if kind in _BEFORE_THE_EVENT and (is_over or exchange.event_at <= now()):
        raise LetterObsolete("The exchange is over." if is_over else "The date has passed.")
    if kind is LetterKind.PURGE_WARNING and not is_over:
        raise LetterObsolete("The exchange goes on.")
    if kind is LetterKind.UNDELIVERED and not _is_anybody_unreachable(exchange):
        raise LetterObsolete("It has been mended, or the exchange is over.")


def _refuse_unneeded(letter: Letter, exchange: Exchange) -> None:
    """Reminders may be switched off by now; and of several that are sent again the latest tells it all."""
    if not exchange.has_reminders:
        raise LetterObsolete("The organizer switched reminders off.")
    if sending.days_left(exchange, now()) >= letter.facts["days_before"]:
        return  # it leaves on its day, as nearly all do, and no later one can be there
    later = select(Letter.id).where(
        Letter.participant_id == letter.participant_id,
        Letter.kind == LetterKind.REMINDER,
        Letter.id > letter.id,
        Letter.state != LetterState.DISCARDED,
    )
    if db.session.scalar(later.limit(1)) is not None:
        raise LetterObsolete("A later reminder takes its place.")


def _is_anybody_unreachable(exchange: Exchange) -> bool:
    """Whether the page of the exchange has somebody to show."""
    if exchange.state is ExchangeState.COMPLETED:
        return False
    return bool(db.session.scalar(select(counts.unreachable).where(Exchange.id == exchange.id)))
