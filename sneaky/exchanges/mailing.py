"""Letters that an organizer asks for by hand: again, to those who sleep, and links to hand out."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import or_, select

from sneaky.access import addresses, audit, rate_limits
from sneaky.core.clock import now
from sneaky.core.db import transaction
from sneaky.core.errors import RuleBroken
from sneaky.exchanges.registration import ask_to_confirm
from sneaky.exchanges.rows import held_exchange, held_participant, refuse_once_over
from sneaky.models import (
    Draw,
    DrawState,
    Exchange,
    ExchangeState,
    Letter,
    LetterKind,
    Match,
    Participant,
    ParticipantState,
    TokenPurpose,
)
from sneaky.models.letters import UNDELIVERED
from sneaky.outbox import links, queue

LINK_OUTLIVES_DAY = timedelta(days=7)


def nudge(exchange_id: int) -> int:
    """Write to everybody who has not opened their match, at most once a day; returns how many letters.

    Raises `RuleBroken` before the draw and once the exchange is over.
    """
    with transaction() as session:
        exchange = held_exchange(session, exchange_id)
        _refuse_undrawn(exchange)
        has_nothing_to_open = (
            select(Match.id)
            .join(Draw)
            .where(
                Match.giver_id == Participant.id,
                Draw.state == DrawState.CURRENT,
                or_(Match.revealed_at.is_not(None), Match.stand_in_id.is_not(None)),
            )
            .exists()
        )
        return queue.put_for_participants(
            LetterKind.NUDGE,
            exchange_id,
            only=[~has_nothing_to_open],
            dedupe_prefix=f"nudge:{exchange_id}:{now().date().isoformat()}",
        )


def send_again(participant_id: int) -> None:
    """Send somebody the letter they need now: to confirm their address, or the one that leads to their match.

    Letters that did not arrive are tried anew instead. Raises `RuleBroken` where there is nothing to send,
    `TooMany` when it is asked too often.
    """
    with transaction() as session:
        exchange, participant = held_participant(session, participant_id)
        refuse_once_over(exchange)
        rate_limits.hit(rate_limits.LETTERS_BY_ADDRESS, addresses.folded(participant.email))
        if participant.state is ParticipantState.WITHDRAWN:
            raise RuleBroken("%(name)s has withdrawn and gets no letters.", name=participant.name)
        queue.call_back_pointless(participant_id)
        if queue.readdress(participant_id, participant.email):
            return
        if participant.state is ParticipantState.PENDING:
            ask_to_confirm(participant)
            return
        if exchange.state is not ExchangeState.MATCHED:
            raise RuleBroken("%(name)s gets a letter once the names are drawn.", name=participant.name)
        queue.put(LetterKind.MATCH, participant.email, exchange_id=exchange.id, participant_id=participant_id)


def retry_undelivered(exchange_id: int) -> int:
    """Try every letter of the exchange anew that was given up or came back; returns how many."""
    with transaction() as session:
        undelivered = session.scalars(
            select(Letter.id).where(Letter.exchange_id == exchange_id, Letter.state.in_(UNDELIVERED))
        ).all()
        return queue.retry(undelivered)


def hand_out_link(participant_id: int) -> str:
    """A fresh personal link to give to somebody by hand, good until a week after the day; it is audited.

    Whoever has it can open the match as that person. Raises `RuleBroken` for somebody who does not take part.
    """
    with transaction() as session:
        exchange, participant = held_participant(session, participant_id)
        refuse_once_over(exchange)
        if participant.state is not ParticipantState.ACTIVE:
            raise RuleBroken(
                "%(name)s does not take part, so there is no link to hand out.", name=participant.name
            )
        audit.note(
            "link.handed-out",
            organizer_id=exchange.organizer_id,
            exchange_id=exchange.id,
            participant=participant_id,
        )
        minted = links.mint(
            TokenPurpose.MATCH,
            until=exchange.event_at + LINK_OUTLIVES_DAY,
            participant_id=participant_id,
            exchange_id=exchange.id,
            email=participant.email,
        )
        return links.url(links.path_of(TokenPurpose.MATCH, minted.token))


def _refuse_undrawn(exchange: Exchange) -> None:
    refuse_once_over(exchange)
    if exchange.state is not ExchangeState.MATCHED:
        raise RuleBroken("Nobody has a match yet. Draw the names first.")
