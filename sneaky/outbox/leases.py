"""A sender's turn: settle the letter it has sent and lease the next one, in one short transaction."""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, case, select, update
from sqlalchemy.orm import Session

from sneaky.core.clock import now
from sneaky.core.db import rows_written, transaction
from sneaky.core.tokens import new_public_id
from sneaky.models import Instance, Letter, LetterKind, LetterState
from sneaky.outbox import gate

# Longer than a server can keep us busy with one letter, at 15 s for each of its answers.
LEASE = timedelta(minutes=5)
LADDER = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=12),
)
MOST_TRIES = len(LADDER) + 1
ASIDE = timedelta(minutes=2)
_ERROR_LENGTH = 500
_PRIORITIES = (0, 1, 2)
_INTERRUPTED = "The sender was interrupted while it had this letter."
_WAITING = (LetterState.QUEUED, LetterState.FAILED)


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
        return rows_written(
            session,
            update(Letter)
            .where(Letter.state == LetterState.SENDING, Letter.lease_until <= at)
            .values(
                state=case((is_spent, LetterState.DEAD), else_=LetterState.FAILED),
                settled_at=case((is_spent, at), else_=None),
                next_try_at=at,
                lease_id=None,
                lease_until=None,
                error=_INTERRUPTED,
            ),
        )


def turn(
    settlement: Settlement | None, *, wants_next: bool, rng: random.Random | None = None
) -> Lease | Wait | None:
    """Settle a letter, if one is given, and lease the next: personal ones first, then the longest due.

    Returns `Wait` where letters are due that may not go yet, and None where nothing is left or wanted.
    """
    with transaction() as session:
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
    values: dict[str, Any] = {
        "state": settlement.state,
        "error": settlement.error[:_ERROR_LENGTH],
        "lease_id": None,
        "lease_until": None,
    }
    if settlement.state is LetterState.FAILED:
        values |= _next_try(settlement, at, rng)
    else:
        values["settled_at"] = at
    mine = (Letter.id == lease.letter_id) & (Letter.lease_id == lease.lease_id)
    rows_written(session, update(Letter).where(mine).values(values))
    if settlement.state is LetterState.SENT:
        gate.accept(instance, at)
    if settlement.is_refused:
        gate.refuse(session, instance, settlement.error)
    if settlement.pause is not None:
        gate.pause(instance, at, settlement.pause, settlement.error)
    if settlement.puts_aside:
        _put_aside(session, lease.domain, at)


def _next_try(settlement: Settlement, at: datetime, rng: random.Random) -> dict[str, Any]:
    """When a failed letter is tried again: up to a tenth after its step, so that not all come at once."""
    attempt = settlement.lease.attempt
    if not settlement.is_counted:
        return {"attempts": attempt - 1, "next_try_at": at + settlement.retry_after}
    if attempt >= MOST_TRIES:
        return {"state": LetterState.DEAD, "settled_at": at}
    step = max(LADDER[attempt - 1], settlement.retry_after)
    return {"next_try_at": at + step * (1 + rng.random() / 10)}


def _put_aside(session: Session, domain: str, at: datetime) -> None:
    """Let the letters to one slow domain wait, so that they do not keep everybody else's waiting."""
    until = at + ASIDE
    others = (
        Letter.state.in_(_WAITING),
        Letter.next_try_at < until,
        Letter.to_email.endswith(f"@{domain}", autoescape=True),
    )
    rows_written(session, update(Letter).where(*others).values(next_try_at=until))


def _next(session: Session, instance: Instance, at: datetime) -> Lease | Wait | None:
    gate_now = gate.read(session, instance, at)
    if gate_now.opens_at is None:
        return None
    wait_until: datetime | None = None
    for priority in _PRIORITIES:
        opens_at = gate_now.opens_at if priority == 0 else gate_now.bulk_opens_at
        letter_id = session.scalars(_due(priority, at)).one_or_none()
        if letter_id is None:
            continue
        if opens_at <= at:
            gate.book(instance, at)
            return _lease(session, letter_id, at)
        wait_until = opens_at if wait_until is None else min(wait_until, opens_at)
    return None if wait_until is None else Wait((wait_until - at).total_seconds())


def _due(priority: int, at: datetime) -> Select[int]:
    """The letter of a priority that is due the longest: one step down the index, however many wait."""
    return (
        select(Letter.id)
        .where(Letter.state.in_(_WAITING), Letter.priority == priority, Letter.next_try_at <= at)
        .order_by(Letter.next_try_at, Letter.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


def _lease(session: Session, letter_id: int, at: datetime) -> Lease:
    lease_id = new_public_id()
    row = session.execute(
        update(Letter)
        .where(Letter.id == letter_id)
        .values(
            state=LetterState.SENDING,
            attempts=Letter.attempts + 1,
            lease_id=lease_id,
            lease_until=at + LEASE,
        )
        .returning(Letter.kind, Letter.to_email, Letter.attempts, Letter.created_at),
        execution_options={"synchronize_session": False},
    ).one()
    return Lease(letter_id, lease_id, row.kind, row.to_email, row.attempts, row.created_at)
