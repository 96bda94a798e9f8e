"""Organizers, and the sessions, links and limits that let people in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from sneaky.core.db import Base, pk
from sneaky.models.columns import (
    EMAIL_LENGTH,
    ID_LENGTH,
    NAME_LENGTH,
    ZONE_LENGTH,
    one_of,
    plain_json,
    public_id,
    reference,
)
from sneaky.models.states import TokenPurpose


class Organizer(Base):
    """Somebody who owns exchanges; the first one is also admin of the instance."""

    __tablename__ = "organizer"

    id: Mapped[pk]
    public_id: Mapped[str] = public_id()
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    email: Mapped[str] = mapped_column(String(EMAIL_LENGTH), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    is_admin: Mapped[bool] = mapped_column(default=False)
    locale: Mapped[str | None] = mapped_column(String(8))
    zone: Mapped[str | None] = mapped_column(String(ZONE_LENGTH))
    created_at: Mapped[datetime]
    signed_in_at: Mapped[datetime | None]


class SessionRow(Base):
    """A signed-in (or merely visiting) browser; the id is the SHA-256 of its cookie."""

    __tablename__ = "session"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    organizer_id: Mapped[int | None] = reference("organizer", on_delete="CASCADE")
    participant_id: Mapped[int | None] = reference("participant", on_delete="CASCADE")
    data: Mapped[dict[str, Any]] = plain_json(default=dict)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ends_at: Mapped[datetime]


class MagicToken(Base):
    """A magic link: the token is derived from the secret key and the nonce, and so never stored."""

    __tablename__ = "magic_token"

    id: Mapped[pk]
    purpose: Mapped[TokenPurpose] = one_of(TokenPurpose)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    nonce: Mapped[str] = mapped_column(String(ID_LENGTH))
    code_hash: Mapped[str | None] = mapped_column(String(64))
    browser_hash: Mapped[str | None] = mapped_column(String(64))
    organizer_id: Mapped[int | None] = reference("organizer", on_delete="CASCADE")
    exchange_id: Mapped[int | None] = reference("exchange", on_delete="CASCADE")
    participant_id: Mapped[int | None] = reference("participant", on_delete="CASCADE")
    email: Mapped[str | None] = mapped_column(String(EMAIL_LENGTH))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ix_magic_token_used_at",
            "used_at",
            sqlite_where=text("used_at IS NOT NULL"),
        ),
    )


class RateLimit(Base):
    """How often something was tried in a window, shared by all processes; the key is a keyed hash."""

    __tablename__ = "rate_limit"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    hits: Mapped[int]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class AuditEntry(Base):
    """Who did what when: sign-ins, refusals, draws, reveals, erasures; ids only, no names."""

    __tablename__ = "audit_entry"

    id: Mapped[pk]
    at: Mapped[datetime] = mapped_column(index=True)
    action: Mapped[str] = mapped_column(String(64), index=True)
    organizer_id: Mapped[int | None] = reference("organizer", on_delete="SET NULL")
    exchange_id: Mapped[int | None] = reference("exchange", on_delete="SET NULL")
    details: Mapped[dict[str, Any]] = plain_json(default=dict)


class Instance(Base):
    """The one row about this installation."""

    __tablename__ = "instance"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    set_up_at: Mapped[datetime | None]
    key_fingerprint: Mapped[str | None] = mapped_column(String(16))
    mail_accepted_at: Mapped[datetime | None]
    mail_accepted_by: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    mail_paced_at: Mapped[datetime | None]
    mail_paused_until: Mapped[datetime | None]
    mail_paused_reason: Mapped[str | None] = mapped_column(String(500))
    mail_held_at: Mapped[datetime | None]
    mail_held_reason: Mapped[str | None] = mapped_column(String(500))
    backed_up_at: Mapped[datetime | None]
