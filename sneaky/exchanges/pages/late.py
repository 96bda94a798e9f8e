"""Who confirmed only after the draw: the organizer decides whether they still come in."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select

from sneaky.core.db import db
from sneaky.exchanges.pages import counts
from sneaky.models import Participant

MOST_SHOWN = 10
IS_LATE = counts.IS_PENDING & Participant.confirmed_at.is_not(None)


@dataclass(frozen=True)
class LateJoiner:
    """Somebody who waits for the organizer's decision."""

    public_id: str
    name: str


def late_joiners(exchange_id: int) -> tuple[LateJoiner, ...]:
    """Those who wait in a drawn exchange, at most ten; one query."""
    query = (
        select(Participant.public_id, Participant.name)
        .where(Participant.exchange_id == exchange_id, IS_LATE)
        .order_by(func.lower(Participant.name), Participant.id)
        .limit(MOST_SHOWN)
    )
    return tuple(LateJoiner(*row) for row in db.session.execute(query))


def lines_of(exchange_id: int, public_ids: Iterable[str]) -> str:
    """Name and address of those who wait, one a line, as the form that mends the draw takes them."""
    query = select(Participant.name, Participant.email).where(
        Participant.exchange_id == exchange_id, IS_LATE, Participant.public_id.in_(list(public_ids))
    )
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(db.session.execute(query.order_by(Participant.id)))
    return lines.getvalue()
