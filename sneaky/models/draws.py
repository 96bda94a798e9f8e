"""Draws, their matches, and the conversations that hang on a match. The secret lives here, sealed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from sneaky.core.db import Base, pk
from sneaky.core.tokens import new_public_id
from sneaky.models.columns import ID_LENGTH, not_negative, one_of, reference
from sneaky.models.states import DrawState, MessageAuthor


class Draw(Base):
    """One draw: how it was made, never from which seed."""

    __tablename__ = "draw"

    id: Mapped[pk]
    exchange_id: Mapped[int] = reference("exchange", on_delete="CASCADE")
    state: Mapped[DrawState] = one_of(DrawState, default=DrawState.CURRENT)
    method: Mapped[str] = mapped_column(String(32))
    attempts: Mapped[int]
    participant_count: Mapped[int]
    repeated_count: Mapped[int] = mapped_column(default=0)
    drawn_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_draw_current",
            "exchange_id",
            unique=True,
            sqlite_where=text("state = 'current'"),
        ),
        not_negative("attempts"),
    )


class Match(Base):
    """Giver → recipient. The recipient is sealed; the tag only keeps two givers from one recipient.

    A stand-in gives in the place of a giver who did not show up, besides their own gift. That the recipient's
    wish list changed is noted here, on the giver's side: on both, equal instants would join them.
    """

    __tablename__ = "match"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_public_id)
    draw_id: Mapped[int] = reference("draw", on_delete="CASCADE", index=False)
    giver_id: Mapped[int] = reference("participant", on_delete="CASCADE")
    stand_in_id: Mapped[int | None] = reference("participant", on_delete="SET NULL")
    recipient_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    recipient_tag: Mapped[bytes] = mapped_column(LargeBinary)
    revealed_at: Mapped[datetime | None]
    changed_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    has_gift_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    wish_list_changed_at: Mapped[datetime | None]
    wish_list_told_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("draw_id", "giver_id"),
        UniqueConstraint("draw_id", "recipient_tag"),
        Index(
            "ix_match_wish_list_changed_at",
            "wish_list_changed_at",
            sqlite_where=text("wish_list_changed_at IS NOT NULL"),
        ),
    )


class Conversation(Base):
    """The giver and the recipient of one match, talking; the row names neither."""

    __tablename__ = "conversation"

    id: Mapped[str] = mapped_column(String(ID_LENGTH), primary_key=True, default=new_public_id)
    match_id: Mapped[str] = mapped_column(
        String(ID_LENGTH), ForeignKey("match.id", ondelete="CASCADE"), unique=True
    )


class Message(Base):
    """One message of a conversation; the text is sealed, since people do write names.

    `sent_at` is cut to the hour, and what was read or told has no instant at all: a moment could be matched
    with the moment somebody was here.
    """

    __tablename__ = "message"

    id: Mapped[pk]
    conversation_id: Mapped[str] = mapped_column(
        String(ID_LENGTH), ForeignKey("conversation.id", ondelete="CASCADE"), index=True
    )
    author: Mapped[MessageAuthor] = one_of(MessageAuthor)
    body_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    sent_at: Mapped[datetime]
    is_read: Mapped[bool] = mapped_column(default=False)
    is_told: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        Index(
            "ix_message_untold",
            "sent_at",
            sqlite_where=text("NOT is_told"),
        ),
    )


class PairMemory(Base):
    """That somebody gave to somebody once, as a keyed hash of both addresses; survives the purge."""

    __tablename__ = "pair_memory"

    id: Mapped[pk]
    organizer_id: Mapped[int] = reference("organizer", on_delete="CASCADE", index=False)
    pair_tag: Mapped[bytes] = mapped_column(LargeBinary)
    drawn_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("organizer_id", "pair_tag"),)
