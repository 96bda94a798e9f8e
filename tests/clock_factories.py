"""Rows of the clock and the outbox for tests: past runs, letters, a leader that ticks, stored jobs."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

from sneaky.core.clock import now
from sneaky.core.db import transaction
from sneaky.models import (
    ExecutionState,
    JobExecution,
    Leader,
    Letter,
    LetterKind,
    LetterState,
    Trigger,
    job_store_table,
)

JOB = "purge_old_exchanges"

_count = itertools.count(1)


def a_run(job_id: str = JOB, **values: Any) -> str:
    """A run of an hour ago that did its work; returns its public id."""
    number = next(_count)
    started_at = values.pop("started_at", now() - timedelta(hours=1) + timedelta(milliseconds=number))
    state = values.pop("state", ExecutionState.SUCCEEDED)
    fields = {
        "public_id": f"run-{number}",
        "job_id": job_id,
        "slot": started_at,
        "trigger": Trigger.CLOCK,
        "state": state,
        "started_at": started_at,
        "duration": None if state is ExecutionState.RUNNING else 0.012,
        "counts": {"erased": 2, "warned": 1},
        "instance": "opaque-instance",
    }
    with transaction() as session:
        run = JobExecution(**fields | values)
        session.add(run)
        session.flush()
        return run.public_id


def a_failed_run(job_id: str = JOB, **values: Any) -> str:
    """A run that ended with an error."""
    fields = {"error": "ValueError: no such cookie", "traceback": "Traceback: line 12", "counts": {}}
    return a_run(job_id, state=ExecutionState.FAILED, **fields | values)


def a_letter(state: LetterState = LetterState.QUEUED, **values: Any) -> int:
    """A letter to Ann in a state; returns its id."""
    number = next(_count)
    fields = {
        "kind": LetterKind.MAGIC_LINK,
        "state": state,
        "priority": 1,
        "to_email": f"ann{number}@example.org",
        "next_try_at": now(),
        "created_at": now(),
        "settled_at": None if state in {"queued", "sending", "failed"} else now(),
    }
    with transaction() as session:
        letter = Letter(**fields | values)
        session.add(letter)
        session.flush()
        return letter.id


def a_ticking_clock() -> None:
    """A process that leads, and went round just now."""
    with transaction() as session:
        session.add(Leader(id=1, holder="opaque-leader", term=3, since=now(), ticked_at=now()))


def a_stored_job(job_id: str, **values: Any) -> None:
    """A row of the job store that runs in an hour; the web never reads what it holds."""
    fields = {"id": job_id, "next_run_time": (now() + timedelta(hours=1)).timestamp(), "job_state": b""}
    with transaction() as session:
        session.execute(job_store_table.insert().values(**fields | values))
