"""Joining by the link: always the same answer, and a letter that tells the rest."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sneaky import wishlists
from sneaky.access import addresses, rate_limits
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.errors import NotFound, RuleBroken
from sneaky.core.typed import line, paragraphs
from sneaky.exchanges import households
from sneaky.exchanges.rows import held_exchange
from sneaky.exchanges.seats import by_email, refuse_full, seated
from sneaky.models import (
    Exchange,
    ExchangeState,
    LetterKind,
    Participant,
    ParticipantState,
    TokenPurpose,
    WishListItem,
)
from sneaky.models.columns import NAME_LENGTH
from sneaky.outbox import links, queue

CONFIRMATION_LIVES = timedelta(days=7)
SIGN_IN_LIVES = timedelta(minutes=15)
IDEAS_LENGTH = 4000
_CLOSED = "Registration for this exchange is closed. Please ask the organizer to add you."


def is_open(exchange: Exchange) -> bool:
    """Whether people may join by the link now: registration is open and its deadline, if any, is ahead."""
    ends_at = exchange.registration_ends_at
    is_late = ends_at is not None and ends_at <= now()
    return exchange.state is ExchangeState.REGISTRATION_OPEN and not is_late


def join(
    exchange_id: int, name: str, email: str, *, ip: str, household_name: str = "", ideas: str = ""
) -> None:
    """Somebody joins by the link and has to confirm by letter; whoever has joined gets a letter that says so.

    The answer never tells which. `ideas` hold one wish a line. Raises `RuleBroken` (fields `name`, `email`,
    `household_name`, `ideas`) for bad input or closed registration, and `TooMany`.
    """
    name = line(name, field="name", called="The name", longest=NAME_LENGTH)
    email = addresses.normalise(email)
    household_name = line(
        household_name,
        field="household_name",
        called="The household's name",
        longest=NAME_LENGTH,
        is_required=False,
    )
    wishes = _wishes(ideas)
    _refuse_closed(db.session.get(Exchange, exchange_id))
    _count(exchange_id, email, ip)
    with transaction() as session:
        exchange = held_exchange(session, exchange_id)
        _refuse_closed(exchange)
        participant = by_email(session, exchange_id, email)
        if participant is not None and participant.state is ParticipantState.ACTIVE:
            _tell_already_joined(exchange, participant)
            return
        if participant is None:
            refuse_full(session, exchange_id, 1)
        participant = seated(session, exchange_id, name, email, ParticipantState.PENDING)
        participant.household_id = households.find_or_make(session, exchange_id, household_name)
        session.flush()
        _note_wishes(session, participant.id, wishes)
        ask_to_confirm(exchange, participant)


def ask_to_confirm(exchange: Exchange, participant: Participant) -> None:
    """Queue the letter whose link confirms an address, inside the transaction of the caller."""
    minted = links.mint(
        TokenPurpose.CONFIRM_REGISTRATION,
        lifetime=CONFIRMATION_LIVES,
        participant_id=participant.id,
        exchange_id=exchange.id,
        email=participant.email,
    )
    _put(LetterKind.CONFIRM_REGISTRATION, participant, minted.token_id)


def _tell_already_joined(exchange: Exchange, participant: Participant) -> None:
    minted = links.mint(
        TokenPurpose.SIGN_IN,
        lifetime=SIGN_IN_LIVES,
        participant_id=participant.id,
        exchange_id=exchange.id,
        email=participant.email,
    )
    _put(LetterKind.ALREADY_JOINED, participant, minted.token_id)


def _put(kind: LetterKind, participant: Participant, token_id: int) -> None:
    queue.put(
        kind,
        participant.email,
        exchange_id=participant.exchange_id,
        participant_id=participant.id,
        token_id=token_id,
    )


def _refuse_closed(exchange: Exchange | None) -> None:
    if exchange is None:
        raise NotFound
    if not is_open(exchange):
        raise RuleBroken(_CLOSED)


def _count(exchange_id: int, email: str, ip: str) -> None:
    """Count the try before anything is looked up, the same for known and unknown addresses."""
    rate_limits.hit(rate_limits.LETTERS_BY_NETWORK, addresses.network(ip))
    rate_limits.hit(rate_limits.LETTERS_BY_ADDRESS, addresses.folded(email))
    rate_limits.hit(rate_limits.LETTERS_BY_EXCHANGE, str(exchange_id))
    rate_limits.hit(rate_limits.LETTERS_BY_INSTANCE)


def _wishes(ideas: str) -> list[str]:
    text = paragraphs(ideas, field="ideas", called="The wish list", longest=IDEAS_LENGTH)
    wishes = [wish for wish in map(str.strip, text.split("\n")) if wish]
    if len(wishes) > wishlists.MOST_ITEMS:
        raise RuleBroken(f"Please keep it to {wishlists.MOST_ITEMS} ideas.", field="ideas")
    return [
        line(wish, field="ideas", called="One of the ideas", longest=wishlists.TITLE_LENGTH)
        for wish in wishes
    ]


def _note_wishes(session: Session, participant_id: int, wishes: list[str]) -> None:
    """Start the wish list; somebody who comes back keeps the one they had."""
    has_some = session.scalar(select(func.count()).where(WishListItem.participant_id == participant_id))
    if not has_some:
        for wish in wishes:
            wishlists.add(participant_id, wish)
