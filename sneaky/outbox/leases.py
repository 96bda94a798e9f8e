"""A sender's turn: settle the letter it has sent and lease the next one, in one short transaction."""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import Table, bindparam, case, select, update
from sqlalchemy.orm import Session

from sneaky.core.clock import now
from sneaky.core.db import brief_transaction, db, rows_written, transaction
from sneaky.core.tokens import new_public_id
from sneaky.models import Instance, Letter, LetterKind, LetterState
from sneaky.models.letters import ERROR_LENGTH, LEASED, WAITING
from sneaky.outbox import domains, gate
from sneaky.outbox.queue import BULK, NORMAL, PERSONAL
from sneaky.outbox.undelivered import warn_organizers

# Longer than a server can keep us busy with one letter, at 15 s for each of its answers.
LEASE = timedelta(minutes=5)
LADDER: tuple[timedelta, ...] = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=12),
)
MOST_TRIES = len(LADDER) + 1
# Nothing puts a letter off for longer, before its first try and after one (where a server asks for a day), so
# a longer wait means that somebody set the clock back.
_LONGEST_BEFORE: Final = timedelta(hours=1)
_LONGEST_AFTER: Final = timedelta(hours=27)
_letters = cast("Table", Letter.__table__)
# Built once: putting a statement together costs more than the database needs for it.
_DUE: Final = (
    select(_letters.c.id)
    .where(
        WAITING,
        _letters.c.priority <= bindparam("least_urgent"),
        _letters.c.next_try_at <= bindparam("at"),
    )
    .order_by(_letters.c.priority, _letters.c.next_try_at, _letters.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_LEASE: Final = (
    update(_letters)
    .where(_letters.c.id == _DUE.scalar_subquery())
    .values(
        state=LetterState.SENDING,
        attempts=_letters.c.attempts + 1,
        lease_id=bindparam("new_lease"),
        lease_until=bindparam("new_lease_until"),
    )
    .returning(
        _letters.c.id, _letters.c.kind, _letters.c.to_email, _letters.c.attempts, _letters.c.created_at
    )
)
_IS_DUE: Final = select(_letters.c.id).where(WAITING, _letters.c.next_try_at <= bindparam("at")).limit(1)
_SETTLE: Final = (
    update(_letters)
    .where(_letters.c.id == bindparam("its_id"), _letters.c.lease_id == bindparam("its_lease"))
    .values(
        state=bindparam("new_state"),
        error=bindparam("new_error"),
        attempts=bindparam("new_attempts"),
        next_try_at=bindparam("new_try_at"),
        settled_at=bindparam("new_settled_at"),
        lease_id=None,
        lease_until=None,
    )
)
_INTERRUPTED = "The sender was interrupted while it had this letter."


@dataclass(frozen=True)
class Lease:
    """One letter that this sender alone may send, until the lease ends."""

    letter_id: int
    lease_id: str
    kind: LetterKind
    to_email: str
    attempt: int
    created_at: datetime

    @property
    def domain(self) -> str:
        """The domain the letter goes to."""
        return self.to_email.rpartition("@")[2]


@dataclass(frozen=True)
class Wait:
    """Nothing may go for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Settlement:
    """What became of a leased letter.

    `state` is SENT, DEAD, DISCARDED or FAILED. A try that `is_counted` moves the letter up the ladder, after
    `retry_after` at the earliest; one that is not was no fault of the letter. `pause` keeps all letters back
    for so long, `is_refused` until somebody resumes, and `puts_aside` the other letters to this domain.
    """

    lease: Lease
    state: LetterState
    error: str = ""
    is_counted: bool = True
    retry_after: timedelta = timedelta()
    pause: timedelta | None = None
    is_refused: bool = False
    puts_aside: bool = False


def take_over() -> int:
    """Free letters whose sender died; one that was tried too often is dead. Returns how many."""
    at = now()
    is_spent = Letter.attempts >= MOST_TRIES
    with transaction() as session:
        _bring_near(session, at)
        freed = session.execute(
            update(Letter)
            .where(LEASED, Letter.lease_until <= at)
            .values(
                state=case((is_spent, LetterState.DEAD), else_=LetterState.FAILED),
                settled_at=case((is_spent, at), else_=None),
                next_try_at=at,
                lease_id=None,
                lease_until=None,
                error=_INTERRUPTED,
            )
            .returning(Letter.id, Letter.state)
        ).all()
        if freed:
            warn_organizers([row.id for row in freed])
        return len(freed)


def _bring_near(session: Session, at: datetime) -> None:
    """Let no letter, and no sender's death, wait for an instant that the clock was set back from."""
    waiting = update(Letter).where(
        WAITING,
        Letter.priority.in_((PERSONAL, NORMAL, BULK)),  # all of them, so that the index leads to the rows
        Letter.next_try_at > at + _LONGEST_BEFORE,
        (Letter.state == LetterState.QUEUED) | (Letter.next_try_at > at + _LONGEST_AFTER),
    )
    rows_written(session, waiting.values(next_try_at=at))
    leased = update(Letter).where(LEASED, Letter.lease_until > at + LEASE)
    rows_written(session, leased.values(lease_until=at + LEASE))


def is_anything_to_send() -> bool:
    """Whether a letter is due and nothing keeps all of them back; only looks, and waits for nobody."""
    if gate.held_reason() is not None or gate.pause_now() is not None:
        return False
    return db.session.execute(_IS_DUE, {"at": now()}).first() is not None


def turn(
    settlement: Settlement | None, *, wants_next: bool, rng: random.Random | None = None
) -> Lease | Wait | None:
    """Settle a letter, if one is given, and lease the next: personal ones first, then the longest due.

    Returns `Wait` where letters are due that may not go yet, and None where nothing is left or wanted.
    """
    with brief_transaction() as session:
        at = now()
        instance = gate.lock(session)
        if settlement is not None:
            _settle(session, instance, settlement, at, rng or secrets.SystemRandom())
        return _next(session, instance, at) if wants_next else None


def _settle(
    session: Session, instance: Instance, settlement: Settlement, at: datetime, rng: random.Random
) -> None:
    """Write the outcome down, unless the lease ran out meanwhile and the letter is somebody else's now."""
    lease = settlement.lease
    outcome = {
        "its_id": lease.letter_id,
        "its_lease": lease.lease_id,
        "new_state": settlement.state,
        "new_error": settlement.error[:ERROR_LENGTH],
        "new_attempts": lease.attempt,
        "new_try_at": at,
        "new_settled_at": at,
    }
    if settlement.state is LetterState.FAILED:
        outcome |= _next_try(settlement, at, rng)
    session.execute(_SETTLE, outcome)
    if outcome["new_state"] is LetterState.DEAD:
        warn_organizers([lease.letter_id])
    if settlement.state is LetterState.SENT:
        gate.accept(instance, at)
    if settlement.is_refused:
        gate.refuse(session, instance, settlement.error)
    if settlement.pause is not None:
        gate.pause(instance, at, settlement.pause, settlement.error)
    if settlement.puts_aside:
        domains.put_aside(session, lease.domain, at)


def _next_try(settlement: Settlement, at: datetime, rng: random.Random) -> dict[str, Any]:
    """When a failed letter is tried again: up to a tenth after its step, so that not all come at once."""
    attempt = settlement.lease.attempt
    if not settlement.is_counted:
        again = {"new_attempts": attempt - 1, "new_try_at": at + settlement.retry_after}
        return again | {"new_settled_at": None}
    if attempt >= MOST_TRIES:
        return {"new_state": LetterState.DEAD}
    step = max(LADDER[attempt - 1], settlement.retry_after)
    return {"new_try_at": at + step * (1 + rng.random() / 10), "new_settled_at": None}


def _next(session: Session, instance: Instance, at: datetime) -> Lease | Wait | None:
    opening = gate.read(session, instance, at)
    if opening.opens_at is None:
        return None
    if opening.opens_at <= at:
        least_urgent = BULK if opening.bulk_opens_at <= at else PERSONAL
        lease = _lease(session, at, least_urgent)
        if lease is not None:
            gate.book(session, instance, at)
            domains.keep_pace(session, lease.domain, at)
            return lease
        opens_at = opening.bulk_opens_at
    else:
        opens_at = opening.opens_at
    is_due = session.execute(_DUE, {"at": at, "least_urgent": BULK}).first() is not None
    return Wait((opens_at - at).total_seconds()) if is_due and opens_at > at else None


def _lease(session: Session, at: datetime, least_urgent: int) -> Lease | None:
    lease_id = new_public_id()
    row = session.execute(
        _LEASE,
        {"at": at, "least_urgent": least_urgent, "new_lease": lease_id, "new_lease_until": at + LEASE},
    ).one_or_none()
    return (
        None if row is None else Lease(row.id, lease_id, row.kind, row.to_email, row.attempts, row.created_at)
    )
