"""Told of work in the transaction that makes it due: all or nothing, once for each run."""

from __future__ import annotations

from contextlib import suppress

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, PendingRollbackError, ProgrammingError

from sneaky.core.clock import now
from sneaky.core.db import db, nudge_after_commit, transaction
from sneaky.executions import workers
from sneaky.jobs import hands
from sneaky.jobs.running import Runner
from sneaky.models import JobExecution, Letter, LetterKind
from sneaky.outbox import queue
from tests.engine.conftest import jobs
from tests.worker.conftest import Probe
from tests.worker.test_worker import order

pytestmark = pytest.mark.postgres

RUN = ("default", "sneaky.run", "todo")
SEND = ("letters", "sneaky.send_letters", "todo")


def letters() -> int:
    db.session.remove()
    return db.session.scalar(select(func.count()).select_from(Letter)) or 0


def a_letter() -> None:
    queue.put(LetterKind.TEST, to_email="ann@example.org")


def test_a_run_that_is_left_is_knocked_for_by_its_id(engine_app: Flask, probe: Probe) -> None:
    hands.leave(order(), Runner())
    assert jobs() == [RUN]
    carried = db.session.scalar(text("SELECT args FROM procrastinate_jobs"))
    assert carried == {"execution_id": db.session.scalar(select(JobExecution.id))}


def test_a_run_is_knocked_for_once_however_often_it_is_told(engine_app: Flask, probe: Probe) -> None:
    hands.leave(order(), Runner())
    hands.knock_again()
    with transaction():
        nudge_after_commit("default", db.session.scalar(select(JobExecution.id)))
        a_letter()
    assert jobs() == [RUN, SEND]
    assert letters() == 1


def test_letters_are_knocked_for_once_a_transaction(engine_app: Flask) -> None:
    with transaction():
        for _ in range(5):
            a_letter()
    assert jobs() == [SEND]
    assert letters() == 5


def test_what_is_no_work_for_workers_is_not_told(engine_app: Flask) -> None:
    with transaction():
        nudge_after_commit("schedule")
    assert jobs() == []


def test_what_is_taken_back_was_never_told(engine_app: Flask) -> None:
    with suppress(InterruptedError), transaction():
        a_letter()
        raise InterruptedError
    assert (jobs(), letters()) == ([], 0)


def test_where_the_engine_cannot_be_told_nothing_is_kept(engine_app: Flask) -> None:
    with transaction() as session:
        session.execute(text("ALTER TABLE procrastinate_jobs RENAME TO elsewhere"))
    with pytest.raises(ProgrammingError, match="procrastinate_jobs"), transaction():
        a_letter()
    assert letters() == 0


def test_a_transaction_that_is_broken_cannot_seem_to_be_committed(engine_app: Flask) -> None:
    """PostgreSQL rolls such a one back at COMMIT and reports success."""
    with pytest.raises(PendingRollbackError, match="nothing of it can be kept"), transaction() as session:
        workers.beat("somebody", now())
        with suppress(DBAPIError):
            session.execute(text("SELECT 1 / 0"))
    db.session.remove()
    assert workers.last_seen() == {}
