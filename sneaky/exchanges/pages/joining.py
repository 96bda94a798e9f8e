"""What the page behind a join link shows to somebody who may want to take part."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from sneaky.core.db import db
from sneaky.core.errors import NotFound
from sneaky.exchanges.pages.facts import FACT_COLUMNS, ExchangeFacts, facts_of
from sneaky.models import Exchange, Organizer


@dataclass(frozen=True)
class JoinPage:
    """The exchange and who invites to it."""

    facts: ExchangeFacts
    organizer_name: str


def join_page(exchange_id: int) -> JoinPage:
    """The page behind the join link of an exchange; one query. Raises `NotFound`."""
    row = db.session.execute(
        select(*FACT_COLUMNS, Organizer.name.label("organizer_name"))
        .join_from(Exchange, Organizer, Organizer.id == Exchange.organizer_id)
        .where(Exchange.id == exchange_id)
    ).one_or_none()
    if row is None:
        raise NotFound
    return JoinPage(facts_of(row), row.organizer_name)
