"""Joining by the link: always the same answer, and a letter that tells the rest."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from sneaky import wishlists
from sneaky.access import addresses, personal_letters, rate_limits
from sneaky.access.magic_links import CONFIRMATION_LIVES, SIGN_IN_LIVES
from sneaky.core.clock import now
from sneaky.core.db import db, pretence, transaction
from sneaky.core.errors import NotFound, RuleBroken, words
from sneaky.core.tokens import new_public_id
from sneaky.core.typed import line, paragraphs
from sneaky.exchanges import households
from sneaky.exchanges.rows import held_exchange
from sneaky.exchanges.seats import by_email, seated
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

IDEAS_LENGTH = 4000
_CLOSED = words("Registration for this exchange is closed. Please ask the organizer to add you.")


def is_open(exchange: Exchange) -> bool:
    """Whether people may join by the link now: registration is open and its deadline, if any, is ahead."""
    ends_at = exchange.registration_ends_at
    is_late = ends_at is not None and ends_at <= now()
    return exchange.state is ExchangeState.REGISTRATION_OPEN and not is_late


def join(
    exchange_id: int,
    name: str,
    email: str,
    *,
    ip: str,
    household_name: str = "",
    ideas: str = "",
    locale: str | None = None,
) -> None:
    """Somebody joins by the link and has to confirm by letter; whoever has joined gets a letter that says so.

    The answer never tells which. `ideas` hold one wish a line; `locale` is the language of the page, and that
    of letters until they choose one. Raises `RuleBroken` (fields `name`, `email`,
    `household_name`, `ideas`) for bad input or closed registration, and `TooMany`.
    """
    name = line(name, field="name", called=words("The name"), longest=NAME_LENGTH)
    email = addresses.normalise(email)
    household_name = line(
        household_name,
        field="household_name",
        called=words("The household's name"),
        longest=NAME_LENGTH,
        is_required=False,
    )
    wishes = _wishes(ideas)
    _refuse_closed(db.session.get(Exchange, exchange_id))
    rate_limits.count_letter(email, ip=ip, exchange_id=exchange_id)
    with transaction() as session:
        exchange = held_exchange(session, exchange_id)
        _refuse_closed(exchange)
        participant = by_email(session, exchange_id, email)
        if participant is not None and participant.state is ParticipantState.ACTIVE:
            with pretence():
                _seat(session, exchange_id, name, f"{new_public_id()}@example.org", household_name, wishes)
            _send(participant, LetterKind.ALREADY_JOINED, TokenPurpose.SIGN_IN, SIGN_IN_LIVES)
            return
        with session.begin_nested():
            participant = _seat(session, exchange_id, name, email, household_name, wishes)
            participant.locale = participant.locale or locale
        ask_to_confirm(participant)


def _seat(
    session: Session, exchange_id: int, name: str, email: str, household_name: str, wishes: list[str]
) -> Participant:
    participant = seated(session, exchange_id, name, email, ParticipantState.PENDING)
    participant.household_id = households.find_or_make(session, exchange_id, household_name)
    session.flush()
    _note_wishes(session, participant.id, wishes)
    return participant


def ask_to_confirm(participant: Participant) -> None:
    """Queue the letter whose link confirms an address, inside the transaction of the caller."""
    _send(participant, LetterKind.CONFIRM_REGISTRATION, TokenPurpose.CONFIRM_REGISTRATION, CONFIRMATION_LIVES)


def _send(participant: Participant, kind: LetterKind, purpose: TokenPurpose, lifetime: timedelta) -> None:
    personal_letters.send(
        kind,
        purpose,
        participant.email,
        lifetime=lifetime,
        exchange_id=participant.exchange_id,
        participant_id=participant.id,
    )


def _refuse_closed(exchange: Exchange | None) -> None:
    if exchange is None:
        raise NotFound
    if not is_open(exchange):
        raise RuleBroken(_CLOSED)


def _wishes(ideas: str) -> list[str]:
    text = paragraphs(ideas, field="ideas", called=words("The wish list"), longest=IDEAS_LENGTH)
    wishes = [wish for wish in map(str.strip, text.split("\n")) if wish]
    if len(wishes) > wishlists.MOST_ITEMS:
        raise RuleBroken("Please keep it to %(most)d ideas.", most=wishlists.MOST_ITEMS, field="ideas")
    return [
        line(wish, field="ideas", called=words("One of the ideas"), longest=wishlists.TITLE_LENGTH)
        for wish in wishes
    ]


def _note_wishes(session: Session, participant_id: int, wishes: list[str]) -> None:
    """Start the wish list; somebody who comes back keeps the one they had."""
    has_some = session.scalar(select(func.count()).where(WishListItem.participant_id == participant_id))
    if not has_some:
        for wish in wishes:
            wishlists.add(participant_id, wish)
