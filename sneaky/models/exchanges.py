"""Exchanges and who takes part in them under which rules."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import (
    JSON,
    CheckConstraint,
    DateTime,
    Index,
    LargeBinary,
    Numeric,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from sneaky.core.db import Base, pk
from sneaky.models.columns import (
    EMAIL_LENGTH,
    ID_LENGTH,
    NAME_LENGTH,
    ZONE_LENGTH,
    not_negative,
    one_of,
    public_id,
    reference,
)
from sneaky.models.states import (
    AvoidLastYear,
    CompletedReason,
    ExchangeState,
    ParticipantState,
    ReminderState,
)

# Reminders whose date job is missing, stale or left over; said once, since an index and its query must agree.
TO_ARM = "(state = 'planned') <> (armed_for IS NOT NULL) OR armed_for <> due_at"


class Exchange(Base):
    """One gift exchange: wall time and zone are what people typed, `event_at` is derived from them."""

    __tablename__ = "exchange"

    id: Mapped[pk]
    public_id: Mapped[str] = public_id()
    organizer_id: Mapped[int] = reference("organizer", on_delete="CASCADE")
    copied_from_id: Mapped[int | None] = reference("exchange", on_delete="SET NULL")
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    place: Mapped[str] = mapped_column(String(200), default="")
    message: Mapped[str] = mapped_column(Text, default="")
    budget: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    currency: Mapped[str] = mapped_column(String(3), default="EUR")
    event_local: Mapped[datetime] = mapped_column(DateTime(timezone=False))
    zone: Mapped[str] = mapped_column(String(ZONE_LENGTH))
    event_at: Mapped[datetime]
    registration_ends_local: Mapped[datetime | None] = mapped_column(DateTime(timezone=False))
    registration_ends_at: Mapped[datetime | None]
    reminder_days: Mapped[list[int]] = mapped_column(JSON, default=lambda: [7, 3, 1])
    has_reminders: Mapped[bool] = mapped_column(default=True)
    no_reciprocal: Mapped[bool] = mapped_column(default=False)
    single_loop: Mapped[bool] = mapped_column(default=False)
    avoid_last_year: Mapped[AvoidLastYear] = one_of(AvoidLastYear, default=AvoidLastYear.OFF)
    join_nonce: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    join_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    state: Mapped[ExchangeState] = one_of(ExchangeState, default=ExchangeState.DRAFT)
    completed_at: Mapped[datetime | None]
    completed_reason: Mapped[CompletedReason | None] = one_of(CompletedReason)
    purge_warned_at: Mapped[datetime | None]
    kept_until: Mapped[datetime | None]
    created_at: Mapped[datetime]

    participants: Mapped[list[Participant]] = relationship(
        back_populates="exchange", passive_deletes=True, order_by="Participant.id"
    )

    __table_args__ = (
        Index(
            "ix_exchange_event_at",
            "event_at",
            sqlite_where=text("completed_at IS NULL"),
        ),
        Index(
            "ix_exchange_completed_at",
            "completed_at",
            sqlite_where=text("completed_at IS NOT NULL"),
        ),
        CheckConstraint("(state = 'completed') = (completed_at IS NOT NULL)", name="completed_has_instant"),
        CheckConstraint("(completed_at IS NULL) = (completed_reason IS NULL)", name="completed_has_reason"),
        CheckConstraint("budget IS NULL OR budget >= 0", name="budget_not_negative"),
    )


class Household(Base):
    """People who live together: nobody gives inside one."""

    __tablename__ = "household"

    id: Mapped[pk]
    exchange_id: Mapped[int] = reference("exchange", on_delete="CASCADE", index=False)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))

    __table_args__ = (UniqueConstraint("exchange_id", "name"),)


class Participant(Base):
    """Somebody in an exchange. With `is_guarded` the address is a guardian's, shared by several."""

    __tablename__ = "participant"

    id: Mapped[pk]
    public_id: Mapped[str] = public_id()
    exchange_id: Mapped[int] = reference("exchange", on_delete="CASCADE")
    household_id: Mapped[int | None] = reference("household", on_delete="SET NULL")
    organizer_id: Mapped[int | None] = reference("organizer", on_delete="SET NULL")
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    email: Mapped[str] = mapped_column(String(EMAIL_LENGTH), index=True)
    is_guarded: Mapped[bool] = mapped_column(default=False)
    state: Mapped[ParticipantState] = one_of(ParticipantState)
    locale: Mapped[str | None] = mapped_column(String(8))
    zone: Mapped[str | None] = mapped_column(String(ZONE_LENGTH))
    wants_reminders: Mapped[bool] = mapped_column(default=True)
    wants_notices: Mapped[bool] = mapped_column(default=True)
    complained_at: Mapped[datetime | None]
    postal_address_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    gift_received_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]

    exchange: Mapped[Exchange] = relationship(back_populates="participants")
    household: Mapped[Household | None] = relationship()

    __table_args__ = (
        Index(
            "uq_participant_exchange_id_email",
            "exchange_id",
            "email",
            unique=True,
            sqlite_where=text("NOT is_guarded"),
        ),
    )


class Exclusion(Base):
    """The giver may not give to the recipient; a mutual one is two rows."""

    __tablename__ = "exclusion"

    id: Mapped[pk]
    exchange_id: Mapped[int] = reference("exchange", on_delete="CASCADE")
    giver_id: Mapped[int] = reference("participant", on_delete="CASCADE", index=False)
    recipient_id: Mapped[int] = reference("participant", on_delete="CASCADE")

    __table_args__ = (
        UniqueConstraint("giver_id", "recipient_id"),
        CheckConstraint("giver_id <> recipient_id", name="not_self"),
    )


class WishListItem(Base):
    """One idea on a participant's wish list."""

    __tablename__ = "wish_list_item"

    id: Mapped[pk]
    public_id: Mapped[str] = public_id()
    participant_id: Mapped[int] = reference("participant", on_delete="CASCADE")
    title: Mapped[str] = mapped_column(String(200))
    url: Mapped[str] = mapped_column(String(2000), default="")
    note: Mapped[str] = mapped_column(Text, default="")


class Reminder(Base):
    """One planned reminder of an exchange, so many days before, and what became of it."""

    __tablename__ = "reminder"

    id: Mapped[pk]
    exchange_id: Mapped[int] = reference("exchange", on_delete="CASCADE", index=False)
    days_before: Mapped[int]
    due_at: Mapped[datetime]
    state: Mapped[ReminderState] = one_of(ReminderState, default=ReminderState.PLANNED)
    reason: Mapped[str] = mapped_column(String(200), default="")
    queued_count: Mapped[int] = mapped_column(default=0)
    done_at: Mapped[datetime | None]
    # Written by the clock alone: the instant for which a date job stands in the job store.
    armed_for: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("exchange_id", "days_before", "due_at"),
        Index("ix_reminder_to_arm", "id", sqlite_where=text(TO_ARM)),
        Index("ix_reminder_state_due_at", "state", "due_at"),
        CheckConstraint("days_before BETWEEN 0 AND 365", name="days_before_in_a_year"),
        not_negative("queued_count"),
    )
