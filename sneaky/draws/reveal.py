"""The giver's own page: the sealed match, opening it, and the marks on the way to the gift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from sneaky import wishlists
from sneaky.access import audit
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.errors import NotFound, RuleBroken
from sneaky.exchanges import participants
from sneaky.exchanges.rows import held_exchange
from sneaky.matches import seals
from sneaky.models import Draw, DrawState, Exchange, LetterKind, Match, Participant
from sneaky.outbox import queue

_MARKS = {"has_gift": Match.has_gift_at, "sent": Match.sent_at}


@dataclass(frozen=True)
class SealedMatch:
    """What may be shown before the match is opened: no name. `is_taken_over`: somebody else gives instead."""

    is_revealed: bool
    is_changed: bool
    is_taken_over: bool = False


@dataclass(frozen=True)
class SecondGift:
    """Somebody whom the giver has taken over from one who did not show up; `match_id` opens the talk."""

    match_id: str
    recipient_name: str
    wish_list: Sequence[wishlists.Item]
    postal_address: str | None


@dataclass(frozen=True)
class RevealedMatch:
    """What the giver sees: whom they give to and what helps to choose a gift.

    `is_changed`: an earlier name no longer counts, and the giver has not yet confirmed having read so.
    """

    recipient_name: str
    wish_list: Sequence[wishlists.Item]
    postal_address: str | None
    budget: Decimal | None
    currency: str
    is_changed: bool
    has_gift: bool
    is_sent: bool
    is_received: bool
    second_gifts: Sequence[SecondGift] = ()


@dataclass(frozen=True)
class NamePair:
    """Giver and recipient by name, shown when the glass is broken."""

    giver: str
    recipient: str


def sealed(participant_id: int) -> SealedMatch | None:
    """Whether a match waits for this participant, without opening it; None where there is none."""
    match = seals.match_of_giver(participant_id)
    if match is None:
        return None
    return SealedMatch(match.revealed_at is not None, match.needs_acknowledgement, match.is_taken_over)


def reveal(participant_id: int) -> RevealedMatch:
    """Open the match of a participant; the first time is remembered. Raises `RuleBroken` before the draw."""
    with transaction() as session:
        match = _match_to_open(participant_id)
        while match.revealed_at is None and not _open(session, match, participant_id):
            match = _match_to_open(participant_id)  # opened, or mended, by somebody else at this very moment
        return _opened(participant_id, match)


def revealed(participant_id: int) -> RevealedMatch | None:
    """The opened match of a participant; None where it is still sealed, or there is none."""
    match = seals.match_of_giver(participant_id)
    if match is None or match.revealed_at is None or match.is_taken_over:
        return None
    return _opened(participant_id, match)


def acknowledge(participant_id: int) -> None:
    """The giver confirms that an earlier name no longer counts. Raises `RuleBroken` if the new is sealed."""
    with transaction() as session:
        match = seals.match_of_giver(participant_id)
        if match is None:
            raise NotFound
        if match.revealed_at is None:
            raise RuleBroken("The name has changed once more. Open your match to see which one counts.")
        if match.needs_acknowledgement:
            session.execute(update(Match).where(Match.id == match.match_id).values(acknowledged_at=now()))


def mark_gift(participant_id: int, mark: str, is_on: bool) -> None:
    """Set or take back a mark: “has_gift” and “sent” by the giver, “received” by the recipient.

    Raises `RuleBroken` for the giver's marks before the match is opened, and ValueError for another mark.
    """
    at = now() if is_on else None
    with transaction() as session:
        if mark == "received":
            if seals.match_to(participant_id) is None:
                raise RuleBroken("Nobody gives to you yet. Please wait until the names are drawn.")
            session.execute(
                update(Participant).where(Participant.id == participant_id).values(gift_received_at=at)
            )
            return
        if mark not in _MARKS:
            raise ValueError(f"there is no mark {mark}")
        match = seals.match_of_giver(participant_id)
        if match is None or match.revealed_at is None or match.is_taken_over:
            raise RuleBroken("Open your match first; then you can mark your gift.")
        session.execute(update(Match).where(Match.id == match.match_id).values({_MARKS[mark]: at}))


def break_glass(exchange_id: int, organizer_id: int) -> list[NamePair]:
    """Show the organizer every pair, by the giver's name: each time logged, and announced to everybody once.

    Raises `NotFound` for somebody else's exchange and `RuleBroken` where nothing is drawn.
    """
    with transaction() as session:
        exchange = held_exchange(session, exchange_id)
        if exchange.organizer_id != organizer_id:
            raise NotFound
        draw_id = session.scalar(
            select(Draw.id).where(Draw.exchange_id == exchange_id, Draw.state == DrawState.CURRENT)
        )
        if draw_id is None:
            raise RuleBroken("There is nothing to reveal. Draw the names first.")
        audit.note("matches.revealed", organizer_id=organizer_id, exchange_id=exchange_id)
        queue.put_for_participants(
            LetterKind.MATCHES_REVEALED, exchange_id, dedupe_prefix=f"matches-revealed:{draw_id}"
        )
        people = session.execute(
            select(Participant.id, Participant.name).where(Participant.exchange_id == exchange_id)
        )
        names = {row.id: row.name for row in people}
        pairs, instead = seals.pairs(draw_id), seals.stand_ins(draw_id)
    return sorted(
        (
            NamePair(names[instead.get(giver, giver)], names[recipient])
            for giver, recipient in pairs.items()
            if recipient in names
        ),
        key=lambda pair: (pair.giver.casefold(), pair.giver),
    )


def _match_to_open(participant_id: int) -> seals.MatchFacts:
    match = seals.match_of_giver(participant_id)
    if match is None:
        raise RuleBroken("There is no match for you yet. Please wait until the names are drawn.")
    if match.is_taken_over:
        raise RuleBroken("Somebody else gives in your place, so there is nothing left to open.")
    return match


def _open(session: Session, match: seals.MatchFacts, participant_id: int) -> bool:
    """Mark a match as opened; False where it is so already, or is no longer there."""
    opened = session.execute(
        update(Match)
        .where(Match.id == match.match_id, Match.revealed_at.is_(None))
        .values(revealed_at=now(), wish_list_changed_at=None)
        .returning(Match.id)
    ).first()
    if opened is None:
        return False
    if match.changed_at is None:  # who opens a second one was concerned by a mending, and nobody may know
        exchange_id = session.scalar(select(Participant.exchange_id).where(Participant.id == participant_id))
        audit.note("match.revealed", exchange_id=exchange_id)
    return True


def _opened(participant_id: int, match: seals.MatchFacts) -> RevealedMatch:
    recipient_id = seals.recipient_of(participant_id)
    recipient = db.session.get(Participant, recipient_id) if recipient_id else None
    if recipient is None:
        raise NotFound("The person you gave to has been erased; there is nothing left to show.")
    exchange = db.session.get_one(Exchange, recipient.exchange_id)
    return RevealedMatch(
        recipient_name=recipient.name,
        wish_list=wishlists.items(recipient.id),
        postal_address=participants.postal_address(recipient.id),
        budget=exchange.budget,
        currency=exchange.currency,
        is_changed=match.needs_acknowledgement,
        has_gift=match.has_gift_at is not None,
        is_sent=match.sent_at is not None,
        is_received=recipient.gift_received_at is not None,
        second_gifts=_second_gifts(participant_id),
    )


def _second_gifts(participant_id: int) -> list[SecondGift]:
    found = []
    for match_id, recipient_id in seals.second_matches(participant_id).items():
        recipient = db.session.get(Participant, recipient_id)
        if recipient is not None:
            wish_list, address = wishlists.items(recipient_id), participants.postal_address(recipient_id)
            found.append(SecondGift(match_id, recipient.name, wish_list, address))
    return found
