"""Looking at magic links, and using one up: whoever is first has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import InstrumentedAttribute

from sneaky.core.clock import now
from sneaky.core.db import db, open_session
from sneaky.core.tokens import digest
from sneaky.models import MagicToken, TokenPurpose

_COLUMNS: tuple[InstrumentedAttribute[Any], ...] = (
    MagicToken.id,
    MagicToken.purpose,
    MagicToken.organizer_id,
    MagicToken.exchange_id,
    MagicToken.participant_id,
    MagicToken.email,
    MagicToken.expires_at,
    MagicToken.used_at,
    MagicToken.revoked_at,
)


@dataclass(frozen=True)
class Link:
    """A magic link as it is stored: what it is good for, whose it is, and whether it still counts."""

    id: int
    purpose: TokenPurpose
    organizer_id: int | None
    exchange_id: int | None
    participant_id: int | None
    email: str | None
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None

    @property
    def is_fresh(self) -> bool:
        """Whether it can be used now."""
        return self.used_at is None and self.revoked_at is None and self.expires_at > now()


def look(token: str) -> Link | None:
    """The link of a token, in whatever state; nothing changes."""
    row = db.session.execute(select(*_COLUMNS).where(MagicToken.token_hash == digest(token))).one_or_none()
    return Link(*row) if row else None


def claim(condition: ColumnElement[bool], *purposes: TokenPurpose) -> Link | None:
    """Use up the fresh link that meets `condition`, in the open transaction; None for all but the first."""
    at = now()
    row = (
        open_session()
        .execute(
            update(MagicToken)
            .where(
                condition,
                MagicToken.purpose.in_(purposes),
                MagicToken.used_at.is_(None),
                MagicToken.revoked_at.is_(None),
                MagicToken.expires_at > at,
            )
            .values(used_at=at)
            .returning(*_COLUMNS)
        )
        .one_or_none()
    )
    return Link(*row) if row else None


def of_token(token: str) -> ColumnElement[bool]:
    """The condition that a link is the one of this token."""
    return MagicToken.token_hash == digest(token)


def revoke(*conditions: ColumnElement[bool]) -> None:
    """Make unused links worthless, in the open transaction."""
    open_session().execute(
        update(MagicToken)
        .where(*conditions, MagicToken.used_at.is_(None), MagicToken.revoked_at.is_(None))
        .values(revoked_at=now())
    )
