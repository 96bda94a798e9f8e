"""Everybody who may organize here, and everybody who was invited to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from sneaky.core.clock import now
from sneaky.core.db import db
from sneaky.models import Exchange, MagicToken, Organizer, TokenPurpose

PAGE_SIZE = 50
_INVITATIONS_SHOWN = 50


@dataclass(frozen=True)
class OrganizerRow:
    """An organizer, and how many exchanges they have here."""

    name: str
    email: str
    is_admin: bool
    exchanges: int
    created_at: datetime
    signed_in_at: datetime | None


@dataclass(frozen=True)
class OpenInvitation:
    """Somebody who was invited and has not answered yet."""

    email: str
    sent_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Directory:
    """One page of organizers, oldest first, and the newest open invitations; pages count from 1."""

    organizers: list[OrganizerRow]
    invitations: list[OpenInvitation]
    number: int
    pages: int
    total: int


def directory(number: int) -> Directory:
    """One page of organizers; `number` is moved into range."""
    total = db.session.scalars(select(func.count()).select_from(Organizer)).one()
    pages = max(1, -(-total // PAGE_SIZE))
    number = min(max(number, 1), pages)
    owned = select(func.count()).where(Exchange.organizer_id == Organizer.id).scalar_subquery()
    rows = db.session.execute(
        select(
            Organizer.name,
            Organizer.email,
            Organizer.is_admin,
            owned,
            Organizer.created_at,
            Organizer.signed_in_at,
        )
        .order_by(Organizer.id)
        .offset((number - 1) * PAGE_SIZE)
        .limit(PAGE_SIZE)
    )
    return Directory([OrganizerRow(*row) for row in rows], _open_invitations(), number, pages, total)


def _open_invitations() -> list[OpenInvitation]:
    rows = db.session.execute(
        select(MagicToken.email, MagicToken.created_at, MagicToken.expires_at)
        .where(
            MagicToken.purpose == TokenPurpose.ORGANIZER_INVITATION,
            MagicToken.organizer_id.is_not(None),  # nobody's: somebody signed up by themselves
            MagicToken.used_at.is_(None),
            MagicToken.revoked_at.is_(None),
            MagicToken.expires_at > now(),
        )
        .order_by(MagicToken.id.desc())
        .limit(_INVITATIONS_SHOWN)
    )
    return [OpenInvitation(row.email or "", row.created_at, row.expires_at) for row in rows]
