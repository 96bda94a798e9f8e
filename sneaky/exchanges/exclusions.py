"""Exclusions: who may not give to whom, one way or both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session, aliased

from sneaky.core.db import db, insert_into, transaction
from sneaky.core.errors import NotFound, RuleBroken, words
from sneaky.exchanges.rows import held_exchange, refuse_once_drawn
from sneaky.models import Exclusion, Participant, ParticipantState

_AT_THE_DRAW = words("Exclusions count at the draw; undo it to change them.")


@dataclass(frozen=True)
class ExclusionRow:
    """The giver may not give to the recipient; a mutual one stands once and holds both ways."""

    giver_id: int
    giver_public_id: str
    giver_name: str
    recipient_id: int
    recipient_public_id: str
    recipient_name: str
    is_mutual: bool


def exclude(exchange_id: int, giver_id: int, recipient_id: int, *, is_mutual: bool) -> None:
    """Rule out that the giver gets the recipient, and with `is_mutual` the other way round as well.

    Raises `RuleBroken` for one and the same person and once the names are drawn, `NotFound` for strangers.
    """
    if giver_id == recipient_id:
        raise RuleBroken("Nobody gives to themselves anyway; choose two people.", field="recipient")
    pairs = [(giver_id, recipient_id)]
    if is_mutual:
        pairs.append((recipient_id, giver_id))
    with transaction() as session:
        refuse_once_drawn(held_exchange(session, exchange_id), _AT_THE_DRAW)
        _refuse_strangers(session, exchange_id, (giver_id, recipient_id))
        session.execute(
            insert_into(Exclusion)
            .values(
                [
                    {"exchange_id": exchange_id, "giver_id": giver, "recipient_id": recipient}
                    for giver, recipient in pairs
                ]
            )
            .on_conflict_do_nothing()
        )


def allow(exchange_id: int, giver_id: int, recipient_id: int) -> None:
    """Take the exclusion from giver to recipient away; the other way round stays as it is."""
    with transaction() as session:
        refuse_once_drawn(held_exchange(session, exchange_id), _AT_THE_DRAW)
        session.execute(
            delete(Exclusion).where(
                Exclusion.exchange_id == exchange_id,
                Exclusion.giver_id == giver_id,
                Exclusion.recipient_id == recipient_id,
            )
        )


def listed(exchange_id: int) -> list[ExclusionRow]:
    """The exclusions among those who have not withdrawn, by name."""
    giver, recipient = aliased(Participant), aliased(Participant)
    rows = db.session.execute(
        select(giver, recipient)
        .select_from(Exclusion)
        .join(giver, giver.id == Exclusion.giver_id)
        .join(recipient, recipient.id == Exclusion.recipient_id)
        .where(
            Exclusion.exchange_id == exchange_id,
            giver.state != ParticipantState.WITHDRAWN,
            recipient.state != ParticipantState.WITHDRAWN,
        )
        .order_by(giver.name, recipient.name, giver.id, recipient.id)
    ).all()
    pairs = {(row[0].id, row[1].id) for row in rows}
    listed, shown = [], set()
    for one, other in rows:
        is_mutual = (other.id, one.id) in pairs
        if is_mutual and (other.id, one.id) in shown:
            continue
        shown.add((one.id, other.id))
        listed.append(
            ExclusionRow(one.id, one.public_id, one.name, other.id, other.public_id, other.name, is_mutual)
        )
    return listed


def _refuse_strangers(session: Session, exchange_id: int, people: Iterable[int]) -> None:
    chosen = set(people)
    here = session.scalar(
        select(func.count()).where(Participant.exchange_id == exchange_id, Participant.id.in_(chosen))
    )
    if here != len(chosen):
        raise NotFound
