"""Who somebody is, as far as the pages they open need to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import InstrumentedAttribute

from sneaky.models import Organizer, Participant, ParticipantState

ORGANIZER_COLUMNS: tuple[InstrumentedAttribute[Any], ...] = (
    Organizer.id,
    Organizer.public_id,
    Organizer.name,
    Organizer.email,
    Organizer.is_admin,
    Organizer.locale,
    Organizer.zone,
)

PARTICIPANT_COLUMNS: tuple[InstrumentedAttribute[Any], ...] = (
    Participant.id,
    Participant.public_id,
    Participant.exchange_id,
    Participant.name,
    Participant.email,
    Participant.state,
    Participant.locale,
    Participant.zone,
)


@dataclass(frozen=True)
class OrganizerProfile:
    """An organizer; `locale` and `zone` are None until they chose one."""

    id: int
    public_id: str
    name: str
    email: str
    is_admin: bool
    locale: str | None
    zone: str | None


@dataclass(frozen=True)
class ParticipantProfile:
    """A participant of one exchange; `locale` and `zone` are None until they chose one."""

    id: int
    public_id: str
    exchange_id: int
    name: str
    email: str
    state: ParticipantState
    locale: str | None
    zone: str | None
