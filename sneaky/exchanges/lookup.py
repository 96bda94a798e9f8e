"""From the ids in addresses to our own, always within what the asker may see."""

from __future__ import annotations

from sqlalchemy import bindparam, select

from sneaky.core.db import db, rows_read
from sneaky.core.errors import NotFound
from sneaky.models import Exchange, Participant

# Made once, since every page of an organizer asks it.
_OWN = select(Exchange.id).where(
    Exchange.public_id == bindparam("public_id"), Exchange.organizer_id == bindparam("organizer_id")
)


def exchange_id_for(organizer_id: int, public_id: str) -> int:
    """The exchange of this organizer with this public id; a foreign one is as absent as an unknown one."""
    return _found(rows_read(_OWN, public_id=public_id, organizer_id=organizer_id).scalar())


def participant_id_for(exchange_id: int, public_id: str) -> int:
    """The participant of this exchange with this public id. Raises `NotFound`."""
    refuse_nul(public_id)
    return _found(
        db.session.scalar(
            select(Participant.id).where(
                Participant.public_id == public_id, Participant.exchange_id == exchange_id
            )
        )
    )


def refuse_nul(*public_ids: str) -> None:
    """Raise `NotFound` where an id holds NUL: none does, and PostgreSQL fails when it is asked for one."""
    if any("\0" in public_id for public_id in public_ids):
        raise NotFound


def _found(row_id: int | None) -> int:
    if row_id is None:
        raise NotFound
    return row_id
