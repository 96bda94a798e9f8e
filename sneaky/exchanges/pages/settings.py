"""The page that changes an exchange: what stands in it now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from sneaky.core.db import db
from sneaky.core.errors import NotFound
from sneaky.exchanges.fields import ExchangeFields
from sneaky.exchanges.pages.facts import FACT_COLUMNS, ExchangeFacts, facts_of
from sneaky.models import Exchange, Participant, ParticipantState


@dataclass(frozen=True)
class SettingsPage:
    """The exchange with its fields as they were typed."""

    facts: ExchangeFacts
    fields: ExchangeFields


def settings_page(exchange_id: int) -> SettingsPage:
    """What the form starts from; one query. Raises `NotFound` for an unknown exchange."""
    takes_part = (
        select(Participant.id)
        .where(
            Participant.exchange_id == Exchange.id,
            Participant.organizer_id == Exchange.organizer_id,
            Participant.state == ParticipantState.ACTIVE,
        )
        .exists()
    )
    query = select(
        *FACT_COLUMNS,
        Exchange.event_local,
        Exchange.registration_ends_local,
        Exchange.reminder_days,
        takes_part.label("takes_part"),
    ).where(Exchange.id == exchange_id)
    row: Any = db.session.execute(query).one_or_none()
    if row is None:
        raise NotFound
    fields = ExchangeFields(
        name=row.name,
        event_local=row.event_local,
        zone=row.zone,
        place=row.place,
        message=row.message,
        budget=row.budget,
        currency=row.currency,
        registration_ends_local=row.registration_ends_local,
        reminder_days=row.reminder_days,
        takes_part=row.takes_part,
    )
    return SettingsPage(facts_of(row), fields)


def exchange_facts(exchange_id: int) -> ExchangeFacts:
    """The facts alone, for pages that ask one question about an exchange; one query. Raises `NotFound`."""
    row = db.session.execute(select(*FACT_COLUMNS).where(Exchange.id == exchange_id)).one_or_none()
    if row is None:
        raise NotFound
    return facts_of(row)
