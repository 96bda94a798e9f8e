"""The names of an exchange's households, to choose from."""

from __future__ import annotations

from sqlalchemy import select

from sneaky.core.db import db
from sneaky.models import Household

NAMES_OFFERED = 200


def household_names(exchange_id: int) -> tuple[str, ...]:
    """The names of the exchange's households in order, at most 200: more help nobody to choose."""
    query = (
        select(Household.name)
        .where(Household.exchange_id == exchange_id)
        .order_by(Household.name)
        .limit(NAMES_OFFERED)
    )
    return tuple(db.session.scalars(query))
