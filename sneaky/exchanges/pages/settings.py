"""The page that changes an exchange: what stands in it now."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from sneaky.exchanges.fields import ExchangeFields
from sneaky.exchanges.pages.facts import ExchangeFacts, about_exchange, facts_of, read
from sneaky.models import Exchange, Participant, ParticipantState


@dataclass(frozen=True)
class SettingsPage:
    """The exchange with its fields as they were typed."""

    facts: ExchangeFacts
    fields: ExchangeFields


_takes_part = (
    select(Participant.id)
    .where(
        Participant.exchange_id == Exchange.id,
        Participant.organizer_id == Exchange.organizer_id,
        Participant.state == ParticipantState.ACTIVE,
    )
    .exists()
)
_SETTINGS = about_exchange(
    Exchange.event_local,
    Exchange.registration_ends_local,
    Exchange.reminder_days,
    _takes_part.label("takes_part"),
)


def settings_page(exchange_id: int) -> SettingsPage:
    """What the form starts from; one query. Raises `NotFound` for an unknown exchange."""
    row = read(_SETTINGS, exchange_id)
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
