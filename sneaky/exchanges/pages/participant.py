"""What a participant's own pages show about the exchange and about themselves; never about anybody else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select

from sneaky.core.db import db
from sneaky.core.errors import NotFound
from sneaky.exchanges.pages import counts
from sneaky.exchanges.pages.facts import FACT_COLUMNS, ExchangeFacts, facts_of
from sneaky.models import Exchange, Participant, ParticipantState, WishListItem


@dataclass(frozen=True)
class OwnPage:
    """The exchange and the reader's own part in it."""

    facts: ExchangeFacts
    name: str
    email: str
    state: ParticipantState
    is_guarded: bool
    zone: str | None
    locale: str | None
    wants_reminders: bool
    wants_notices: bool
    complained_at: datetime | None
    has_postal_address: bool
    has_received: bool
    wishes: int
    people: int

    @property
    def takes_part(self) -> bool:
        """Whether the reader is in, rather than unconfirmed or gone."""
        return self.state is ParticipantState.ACTIVE

    @property
    def is_pending(self) -> bool:
        """Whether the reader joined and does not take part yet."""
        return self.state is ParticipantState.PENDING and not self.facts.is_over

    @property
    def waits_for_organizer(self) -> bool:
        """Whether the reader confirmed only after the draw, so that the organizer decides."""
        return self.is_pending and self.facts.is_drawn


_wishes = (
    select(func.count()).where(WishListItem.participant_id == bindparam("participant_id")).scalar_subquery()
)
_OWN = (
    select(
        *FACT_COLUMNS,
        Participant.name.label("own_name"),
        Participant.email,
        Participant.state.label("own_state"),
        Participant.is_guarded,
        Participant.zone.label("own_zone"),
        Participant.locale,
        Participant.wants_reminders,
        Participant.wants_notices,
        Participant.complained_at,
        Participant.postal_address_sealed.is_not(None).label("has_postal_address"),
        Participant.gift_received_at.is_not(None).label("has_received"),
        _wishes.label("wishes"),
        counts.people(counts.IS_ACTIVE).label("people"),
    )
    .join_from(Participant, Exchange)
    .where(Participant.id == bindparam("participant_id"))
)


def own_page(participant_id: int) -> OwnPage:
    """The reader's own page; one query. Raises `NotFound` when the participant is gone."""
    row: Any = db.session.execute(_OWN, {"participant_id": participant_id}).one_or_none()
    if row is None:
        raise NotFound
    return OwnPage(
        facts=facts_of(row),
        name=row.own_name,
        email=row.email,
        state=row.own_state,
        is_guarded=row.is_guarded,
        zone=row.own_zone,
        locale=row.locale,
        wants_reminders=row.wants_reminders,
        wants_notices=row.wants_notices,
        complained_at=row.complained_at,
        has_postal_address=row.has_postal_address,
        has_received=row.has_received,
        wishes=row.wishes,
        people=row.people,
    )
