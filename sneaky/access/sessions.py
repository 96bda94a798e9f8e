"""Sessions as rows: who a cookie belongs to, for how long, and how that ends."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, false, or_, select, update

from sneaky.access.profiles import (
    ORGANIZER_COLUMNS,
    PARTICIPANT_COLUMNS,
    OrganizerProfile,
    ParticipantProfile,
)
from sneaky.core.clock import now
from sneaky.core.db import rows_read, rows_written, transaction
from sneaky.core.tokens import digest
from sneaky.models import Organizer, Participant, SessionRow

_COOKIE_BYTES = 32
_NOTED_EVERY = timedelta(minutes=5)


@dataclass(frozen=True)
class Limits:
    """How long a session lives unused, and at most."""

    idle: timedelta
    absolute: timedelta


FOR_ORGANIZERS = Limits(timedelta(hours=12), timedelta(days=7))
FOR_PARTICIPANTS = Limits(timedelta(days=14), timedelta(days=90))


@dataclass(frozen=True)
class SessionData:
    """One session as it was found: who it belongs to, and what the pages keep in it."""

    organizer: OrganizerProfile | None
    participant: ParticipantProfile | None
    data: Mapping[str, Any]
    seen_at: datetime
    ends_at: datetime

    @property
    def is_due(self) -> bool:
        """Whether its use should be noted again; once in a few minutes is enough."""
        return abs(now() - self.seen_at) >= _NOTED_EVERY


@dataclass(frozen=True)
class Started:
    """A new session: the value of its cookie, which is stored nowhere, and the instant it ends for good."""

    cookie: str
    ends_at: datetime


# Made once, since every request asks it.
_LIVING = (
    select(SessionRow.data, SessionRow.seen_at, SessionRow.ends_at, *ORGANIZER_COLUMNS, *PARTICIPANT_COLUMNS)
    .outerjoin(Organizer, Organizer.id == SessionRow.organizer_id)
    .outerjoin(Participant, Participant.id == SessionRow.participant_id)
    .where(SessionRow.id == bindparam("session_id"), SessionRow.expires_at > bindparam("at"))
)


def load(cookie: str) -> SessionData | None:
    """The living session behind a cookie; None when it ended, expired or never was. One query."""
    count = len(ORGANIZER_COLUMNS)
    found = rows_read(_LIVING, session_id=digest(cookie), at=now()).one_or_none()
    if found is None:
        return None
    data, seen_at, ends_at, *who = found
    organizer, participant = who[:count], who[count:]
    return SessionData(
        organizer=OrganizerProfile(*organizer) if organizer[0] is not None else None,
        participant=ParticipantProfile(*participant) if participant[0] is not None else None,
        data=data,
        seen_at=seen_at,
        ends_at=ends_at,
    )


def rotate(
    old_cookie: str | None,
    *,
    organizer_id: int | None = None,
    participant_id: int | None = None,
    data: Mapping[str, Any],
) -> Started:
    """Begin a session under a new cookie for somebody who just proved who they are; the old one ends.

    An organizer who also takes part stays both: what the old session knew is kept, under the stricter limits
    and never beyond the end it had.
    """
    at = now()
    with transaction() as session:
        old = session.execute(
            delete(SessionRow)
            .where(SessionRow.id == digest(old_cookie or ""))
            .returning(
                SessionRow.organizer_id, SessionRow.participant_id, SessionRow.expires_at, SessionRow.ends_at
            )
        ).one_or_none()
        kept = old if old is not None and old.expires_at > at else None
        both_organizer = organizer_id or (kept.organizer_id if kept else None)
        both_participant = participant_id or (kept.participant_id if kept else None)
        limits = FOR_ORGANIZERS if both_organizer else FOR_PARTICIPANTS
        ends_at = at + limits.absolute
        is_mixed = (both_organizer, both_participant) != (organizer_id, participant_id)
        if kept is not None and is_mixed:
            ends_at = min(ends_at, kept.ends_at)
        cookie = secrets.token_urlsafe(_COOKIE_BYTES)
        session.add(
            SessionRow(
                id=digest(cookie),
                organizer_id=both_organizer,
                participant_id=both_participant,
                data=dict(data),
                created_at=at,
                seen_at=at,
                expires_at=min(at + limits.idle, ends_at),
                ends_at=ends_at,
            )
        )
    return Started(cookie, ends_at)


def save(cookie: str, found: SessionData, data: Mapping[str, Any]) -> None:
    """Keep `data`, and note that the session was used. A session that ended meanwhile stays ended."""
    at = now()
    limits = FOR_ORGANIZERS if found.organizer else FOR_PARTICIPANTS
    with transaction() as session:
        session.execute(
            update(SessionRow)
            .where(SessionRow.id == digest(cookie))
            .values(data=dict(data), seen_at=at, expires_at=min(at + limits.idle, found.ends_at))
        )


def end(cookie: str) -> None:
    """End one session: its cookie means nothing any more."""
    with transaction() as session:
        session.execute(delete(SessionRow).where(SessionRow.id == digest(cookie)))


def end_all(
    *, organizer_id: int | None = None, participant_id: int | None = None, email: str | None = None
) -> int:
    """End every session of an organizer, or of a participant, on every device; returns how many.

    With `email` those of all participants who get their letters there: one mailbox may serve several.
    """
    theirs: list[ColumnElement[bool]] = [false()]
    if organizer_id is not None:
        theirs.append(SessionRow.organizer_id == organizer_id)
    if participant_id is not None:
        theirs.append(SessionRow.participant_id == participant_id)
    if email is not None:
        at_home = select(Participant.id).where(Participant.email == email)
        theirs.append(SessionRow.participant_id.in_(at_home))
    with transaction() as session:
        return rows_written(session, delete(SessionRow).where(or_(*theirs)))


def delete_expired(limit: int) -> int:
    """Delete at most `limit` sessions whose time is over; returns how many."""
    over = select(SessionRow.id).where(SessionRow.expires_at <= now()).limit(limit)
    with transaction() as session:
        return rows_written(session, delete(SessionRow).where(SessionRow.id.in_(over)))
