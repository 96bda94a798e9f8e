"""The outbox: one row for each letter, without text and without tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from sneaky.core.db import Base, pk
from sneaky.models.columns import EMAIL_LENGTH, ID_LENGTH, not_negative, one_of, plain_json, reference
from sneaky.models.states import LetterKind, LetterState

# Spelled out, since SQLite uses a partial index only for the very words of its condition.
WAITING = text("state IN ('queued', 'failed')")
LEASED = text("state = 'sending'")
STILL_TO_GO = (LetterState.QUEUED, LetterState.FAILED)
UNDELIVERED = (LetterState.DEAD, LetterState.BOUNCED)
ERROR_LENGTH = 500


class Letter(Base):
    """A letter on its way: what kind, to whom, about what; it is rendered when it is sent."""

    __tablename__ = "letter"

    id: Mapped[pk]
    kind: Mapped[LetterKind] = one_of(LetterKind)
    state: Mapped[LetterState] = one_of(LetterState, default=LetterState.QUEUED)
    priority: Mapped[int] = mapped_column(SmallInteger)
    to_email: Mapped[str] = mapped_column(String(EMAIL_LENGTH))
    dedupe_key: Mapped[str | None] = mapped_column(String(120), unique=True)
    organizer_id: Mapped[int | None] = reference("organizer", on_delete="CASCADE")
    exchange_id: Mapped[int | None] = reference("exchange", on_delete="CASCADE")
    participant_id: Mapped[int | None] = reference("participant", on_delete="CASCADE")
    token_id: Mapped[int | None] = reference("magic_token", on_delete="SET NULL")
    facts: Mapped[dict[str, Any]] = plain_json(default=dict)
    attempts: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    lease_id: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(String(ERROR_LENGTH), default="")

    __table_args__ = (
        Index(
            "ix_letter_waiting",
            "priority",
            "next_try_at",
            "id",
            sqlite_where=WAITING,
        ),
        # Not on the state as a whole: SQLite would take that one, and sort all that waits for each letter.
        Index("ix_letter_leased", "lease_until", sqlite_where=LEASED),
        Index("ix_letter_settled_at", "settled_at"),
        not_negative("attempts"),
    )
