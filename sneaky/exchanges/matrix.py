"""All exclusions among a few people at once, as a matrix of boxes says them."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, select

from sneaky.core.db import transaction
from sneaky.core.errors import NotFound
from sneaky.exchanges.lookup import refuse_nul
from sneaky.exchanges.rows import held_exchange, refuse_once_drawn
from sneaky.models import Exclusion, Participant


def set_exclusions(exchange_id: int, people: Collection[str], excluded: Collection[tuple[str, str]]) -> None:
    """Make the exclusions among `people` (public ids) exactly the (giver, recipient) pairs in `excluded`.

    Rules about anybody else stay, such as somebody who joined while the boxes were looked at. Raises
    `RuleBroken` once the names are drawn, `NotFound` for strangers.
    """
    refuse_nul(*people)
    with transaction() as session:
        exchange = held_exchange(session, exchange_id)
        refuse_once_drawn(exchange, "Exclusions count at the draw; undo it to change them.")
        rows = session.execute(
            select(Participant.public_id, Participant.id).where(
                Participant.exchange_id == exchange_id, Participant.public_id.in_(people)
            )
        )
        ids: dict[str, int] = {row.public_id: row.id for row in rows}
        if set(people) != ids.keys() or not {person for pair in excluded for person in pair} <= ids.keys():
            raise NotFound
        here = list(ids.values())
        session.execute(
            delete(Exclusion)
            .where(Exclusion.giver_id.in_(here), Exclusion.recipient_id.in_(here))
            .execution_options(synchronize_session=False)
        )
        session.add_all(
            Exclusion(exchange_id=exchange_id, giver_id=ids[giver], recipient_id=ids[recipient])
            for giver, recipient in set(excluded)
            if giver != recipient
        )
