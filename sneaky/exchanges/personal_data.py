"""What we know about a participant, for them to take along, and the way to be forgotten."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from sneaky import conversations, wishlists
from sneaky.access import audit
from sneaky.core.crypto import keyring, sealed_otherwise
from sneaky.core.db import db, transaction
from sneaky.core.errors import NotFound, RuleBroken
from sneaky.exchanges.rows import held_participant
from sneaky.matches import seals
from sneaky.models import (
    Exchange,
    ExchangeState,
    Household,
    Letter,
    MessageAuthor,
    Participant,
    SessionRow,
)


def export(participant_id: int) -> dict[str, Any]:
    """Everything stored about a participant, as plain JSON data; the match only once they have opened it.

    Of the conversations it holds what they may read anyway. Raises `NotFound`.
    """
    row = db.session.execute(
        select(Participant, Exchange, Household.name)
        .join(Exchange, Exchange.id == Participant.exchange_id)
        .outerjoin(Household, Household.id == Participant.household_id)
        .where(Participant.id == participant_id)
    ).one_or_none()
    if row is None:
        raise NotFound
    person, exchange, household = row
    return {
        "exchange": {
            "name": exchange.name,
            "date": exchange.event_local.isoformat(),
            "zone": exchange.zone,
            "place": exchange.place,
        },
        "name": person.name,
        "email": person.email,
        "household": household,
        "state": person.state.value,
        "created_at": person.created_at.isoformat(),
        "confirmed_at": _text(person.confirmed_at),
        "withdrawn_at": _text(person.withdrawn_at),
        "seen_at": _text(person.seen_at),
        "is_guarded": person.is_guarded,
        **_choices(person),
        "postal_address": postal_address(participant_id),
        "wish_list": [
            {"title": item.title, "url": item.url, "note": item.note}
            for item in wishlists.items(participant_id)
        ],
        **_gifts(participant_id),
        "gift": _gift_marks(person),
        "letters": _letters(participant_id),
        "sessions": _sessions(participant_id),
    }


def erase(participant_id: int) -> None:
    """Delete a participant and all that is theirs, before the draw or once the exchange is over.

    Raises `RuleBroken` in between, where somebody else's match hangs on them.
    """
    with transaction() as session:
        exchange, participant = held_participant(session, participant_id)
        if exchange.state is ExchangeState.MATCHED:
            raise RuleBroken(
                "The names are already drawn. Withdraw after the draw; that can erase everything, too."
            )
        delete_row(session, exchange.id, participant.id)


def delete_row(session: Session, exchange_id: int, participant_id: int) -> None:
    """Delete a participant, inside the transaction of one who has seen to their match in a draw that counts.

    Once the exchange is over, nobody gets the match in which they received.
    """
    seals.forget_recipient(participant_id)
    session.execute(delete(Participant).where(Participant.id == participant_id))
    audit.note("participant.erased", exchange_id=exchange_id, participant=participant_id)


def postal_address(participant_id: int) -> str | None:
    """The postal address of a participant, for themselves and their giver's page; None if none is given."""
    sealed = db.session.scalar(
        select(Participant.postal_address_sealed).where(Participant.id == participant_id)
    )
    return keyring().unseal(sealed, context=address_context(participant_id)) if sealed else None


def reseal_addresses(after: int, number: int) -> int | None:
    """Seal anew at most `number` postal addresses past the id `after` that an older key has sealed.

    Returns the id of the last of them; None where there is none.
    """
    ring, sealed = keyring(), Participant.postal_address_sealed
    with transaction() as session:
        rows = session.execute(sealed_otherwise(Participant.id, sealed, after=after, number=number)).all()
        for row in rows:
            context = address_context(row.id)
            fresh = ring.seal(ring.unseal(row.postal_address_sealed, context=context), context=context)
            session.execute(
                update(Participant).where(Participant.id == row.id).values(postal_address_sealed=fresh)
            )
    return rows[-1].id if rows else None


def address_context(participant_id: int) -> str:
    """What a sealed postal address is bound to, so that it cannot be moved to another row."""
    return f"postal-address:{participant_id}"


def _recipient_name(participant_id: int) -> str | None:
    match = seals.match_of_giver(participant_id)
    if match is None or match.revealed_at is None:
        return None
    return db.session.scalar(
        select(Participant.name).where(Participant.id == seals.recipient_of(participant_id))
    )


def _choices(person: Participant) -> dict[str, Any]:
    """Which letters they want, in which language and zone, and when they complained about one."""
    return {
        "language": person.locale,
        "zone": person.zone,
        "wants_reminders": person.wants_reminders,
        "wants_notices": person.wants_notices,
        "complained_at": _text(person.complained_at),
    }


def _gift_marks(person: Participant) -> dict[str, str | None]:
    """When they opened their match, had a gift, sent it, and received theirs."""
    match = seals.match_of_giver(person.id)
    return {
        "revealed_at": _text(match.revealed_at if match else None),
        "has_gift_at": _text(match.has_gift_at if match else None),
        "sent_at": _text(match.sent_at if match else None),
        "received_at": _text(person.gift_received_at),
    }


def _letters(participant_id: int) -> list[dict[str, Any]]:
    """Which letters went to them; their text is kept nowhere."""
    rows = db.session.execute(
        select(Letter.kind, Letter.state, Letter.to_email, Letter.created_at, Letter.settled_at)
        .where(Letter.participant_id == participant_id)
        .order_by(Letter.id)
    )
    return [
        {
            "kind": row.kind.value,
            "state": row.state.value,
            "to": row.to_email,
            "written_at": _text(row.created_at),
            "settled_at": _text(row.settled_at),
        }
        for row in rows
    ]


def _sessions(participant_id: int) -> list[dict[str, Any]]:
    """The browsers that are signed in."""
    rows = db.session.execute(
        select(SessionRow.created_at, SessionRow.seen_at, SessionRow.expires_at)
        .where(SessionRow.participant_id == participant_id)
        .order_by(SessionRow.created_at)
    )
    return [{name: _text(at) for name, at in row.items()} for row in rows.mappings()]


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _gifts(participant_id: int) -> dict[str, Any]:
    """Whom they give to, as far as they have opened it, and what was said about the gifts."""
    return {
        "gives_to": _recipient_name(participant_id),
        "with_recipient": _messages(participant_id, MessageAuthor.GIVER),
        "with_giver": _messages(participant_id, MessageAuthor.RECIPIENT),
        "second_gifts": _second_gifts(participant_id),
    }


def _second_gifts(participant_id: int) -> list[dict[str, Any]]:
    """Whom they give to in the place of others, once they have opened their own match."""
    if _recipient_name(participant_id) is None:
        return []
    return [
        {
            "gives_to": db.session.scalar(select(Participant.name).where(Participant.id == recipient_id)),
            "with_recipient": _messages(participant_id, MessageAuthor.GIVER, match_id),
        }
        for match_id, recipient_id in seals.second_matches(participant_id).items()
    ]


def _messages(participant_id: int, side: MessageAuthor, second: str | None = None) -> list[dict[str, Any]]:
    thread = conversations.thread(participant_id, side, second)
    return [asdict(message) | {"sent_on": message.sent_on.isoformat()} for message in thread.messages]
