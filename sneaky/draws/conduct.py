"""Conducts the draw: matches, letters, reminders and conversations in one transaction, or nothing."""

from __future__ import annotations

import random
from dataclasses import dataclass
from secrets import SystemRandom

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from sneaky import conversations
from sneaky.access import audit
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.errors import RuleBroken, words
from sneaky.draws import earlier, matching
from sneaky.draws.rules import FEWEST_PEOPLE, Rules, forbidden_pairs, refusal
from sneaky.draws.seen import refuse_changed
from sneaky.exchanges import lifecycle
from sneaky.exchanges.rows import held_exchange, refuse_once_held, refuse_once_over
from sneaky.matches import seals
from sneaky.models import Draw, DrawState, Exchange, ExchangeState, LetterKind, Match, Participant
from sneaky.outbox import queue
from sneaky.reminders import planning

NOTHING_TO_REPLACE = words("There is no draw to replace. Draw the names first.")


@dataclass(frozen=True)
class DrawSummary:
    """What a draw did, in counts: `letters` were queued for `participants` people."""

    draw_id: int
    letters: int
    participants: int
    method: str


class NoDrawLeft(RuleBroken):
    """The rules leave no draw.

    The message names people, so it is for the organizer's eyes and for no log.
    """


@dataclass(frozen=True)
class PlannedDraw:
    """A draw that was worked out ahead for these rules; nothing of it is stored."""

    rules: Rules
    result: matching.DrawResult[int]


def plan_draw(rules: Rules, *, rng: random.Random | None = None) -> PlannedDraw:
    """Work a draw out without touching the database, so that nobody has to wait for a laborious one.

    Raises `NoDrawLeft`, or `RuleBroken` where an option keeps a draw from being found.
    """
    return PlannedDraw(rules, _result(rules, rng or SystemRandom()))


def conduct_draw(
    exchange_id: int,
    *,
    rng: random.Random | None = None,
    even_if_mail_unproven: bool = False,
    planned: PlannedDraw | None = None,
) -> DrawSummary:
    """Draw the names among all who take part, seal every match and queue every letter, all or nothing.

    Of several draws at once one happens and the others are refused. `rng` is a secure source unless a test
    hands in another. A `planned` draw is taken as long as people and rules are still the same. Raises
    `RuleBroken` with what to do instead: the state, the date, too few people, rules that leave no draw, or
    mail settings that have not delivered anything yet (unless told to draw anyway).
    """
    if not even_if_mail_unproven:
        refuse_unproven_mail()
    with transaction() as session:
        lifecycle.mark_matched(exchange_id)
        exchange = session.get_one(Exchange, exchange_id)
        return _draw(session, exchange, LetterKind.MATCH, rng or SystemRandom(), planned)


def undo_draw(exchange_id: int) -> None:
    """Take a draw back as if it had not been, while nobody has opened a match. Raises `RuleBroken`."""
    with transaction() as session:
        exchange = held_exchange(session, exchange_id)
        lifecycle.unmark_matched(exchange_id)
        draw = _current_draw(session, exchange_id)
        opened = select(Match.revealed_at).where(Match.draw_id == draw.id).with_for_update()
        if any(session.scalars(opened)):
            raise RuleBroken(
                "Somebody has opened a match, so this draw cannot be undone. Withdraw or add people with "
                "small changes, or draw again for everybody."
            )
        _end(session, exchange, draw, DrawState.UNDONE)
        queue.call_back(exchange_id, LetterKind.REMINDER)
        audit.note("draw.undone", organizer_id=exchange.organizer_id, exchange_id=exchange_id)


def redraw(
    exchange_id: int,
    *,
    rng: random.Random | None = None,
    even_if_mail_unproven: bool = False,
    planned: PlannedDraw | None = None,
    seen: str | None = None,
) -> DrawSummary:
    """Replace a draw by a new one, whatever was opened, and tell everybody that the old name does not count.

    Raises `RuleBroken` as `conduct_draw` does, where nothing has been drawn, and where the draw has changed
    since its state was `seen`.
    """
    if not even_if_mail_unproven:
        refuse_unproven_mail()
    with transaction() as session:
        exchange = held_exchange(session, exchange_id)
        refuse_once_over(exchange)
        if exchange.state is not ExchangeState.MATCHED:
            raise RuleBroken(NOTHING_TO_REPLACE)
        refuse_changed(exchange_id, seen)
        refuse_once_held(exchange)
        _end(session, exchange, _current_draw(session, exchange_id), DrawState.REPLACED)
        return _draw(session, exchange, LetterKind.RECIPIENT_CHANGED, rng or SystemRandom(), planned)


def current_draw_id(exchange_id: int) -> int | None:
    """The draw that counts; None before the first one, and after it was undone."""
    return db.session.scalar(
        select(Draw.id).where(Draw.exchange_id == exchange_id, Draw.state == DrawState.CURRENT)
    )


def refuse_unproven_mail() -> None:
    """Raise `RuleBroken` while no letter has been delivered with the present mail settings."""
    if not queue.is_mail_proven():
        raise RuleBroken(
            "No letter has been delivered with the present mail settings yet. Send yourself a test letter "
            "first, or choose to draw anyway."
        )


def _draw(
    session: Session, exchange: Exchange, kind: LetterKind, rng: random.Random, planned: PlannedDraw | None
) -> DrawSummary:
    rules = forbidden_pairs(exchange.id)
    result = planned.result if planned and planned.rules == rules else _result(rules, rng)
    draw = Draw(
        exchange_id=exchange.id,
        method=result.method.value,
        attempts=result.attempts,
        participant_count=len(rules.people),
        repeated_count=len(result.dropped_soft),
        drawn_at=now(),
    )
    session.add(draw)
    session.flush()
    is_first = kind is LetterKind.MATCH
    seals.store(draw.id, result.recipient_of, rng, changed_at=None if is_first else draw.drawn_at)
    conversations.open_for(draw.id, rng)
    earlier.remember(exchange, result.recipient_of, draw.drawn_at, rng)
    planning.plan(exchange.id)
    letters = queue.put_for_participants(kind, exchange.id, dedupe_prefix=f"{kind.value}:{draw.id}")
    audit.note(
        "draw.conducted",
        organizer_id=exchange.organizer_id,
        exchange_id=exchange.id,
        participants=draw.participant_count,
        method=draw.method,
    )
    return DrawSummary(draw.id, letters, draw.participant_count, draw.method)


def _result(rules: Rules, rng: random.Random) -> matching.DrawResult[int]:
    if len(rules.people) < FEWEST_PEOPLE:
        raise NoDrawLeft(refusal(rules))
    try:
        return matching.draw(rules.people, rules.forbidden, rng, options=rules.options)
    except matching.NoValidDraw:
        raise NoDrawLeft(refusal(rules)) from None
    except matching.DrawNotFound:
        raise RuleBroken(
            "No draw was found that keeps all rules and options. Loosen a rule, or switch an option off."
        ) from None


def _current_draw(session: Session, exchange_id: int) -> Draw:
    draw = session.scalars(
        select(Draw).where(Draw.exchange_id == exchange_id, Draw.state == DrawState.CURRENT)
    )
    return draw.one()


def _end(session: Session, exchange: Exchange, draw: Draw, state: DrawState) -> None:
    """Make a draw one that does not count: its matches, memories, arrivals and undelivered letters go."""
    earlier.forget(exchange, draw.drawn_at)
    session.execute(delete(Match).where(Match.draw_id == draw.id))
    here = Participant.exchange_id == exchange.id
    session.execute(update(Participant).where(here).values(gift_received_at=None))
    draw.state, draw.ended_at = state, now()
    session.flush()
    queue.call_back(
        exchange.id,
        LetterKind.MATCH,
        LetterKind.RECIPIENT_CHANGED,
        LetterKind.SECOND_GIFT,
        LetterKind.NUDGE,
    )
