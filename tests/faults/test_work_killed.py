"""kill -9 in the middle of a purge, a clean-up and a migration; jobs that kill or hang their process."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from sneaky.core.clock import monotonic, now
from sneaky.core.db import db, transaction
from sneaky.core.settings import Settings
from sneaky.core.tokens import new_public_id
from sneaky.executions import history, requests, runs
from sneaky.executions.claims import ATTEMPTS
from sneaky.models import (
    CompletedReason,
    Exchange,
    ExchangeState,
    ExecutionState,
    JobExecution,
    Letter,
    LetterKind,
    Participant,
    Trigger,
    Trouble,
)
from tests import factories
from tests.faults.processes import (
    FAST,
    ROOT,
    Figure,
    Instance,
    assert_sound,
    on_both_in_full,
    rounds,
    wait_until,
)
from tests.postgres import PostgresServer

PEOPLE = 20


def kill_at_work(instance: Instance, job_id: str, kills: int) -> None:
    """Have the job run, and kill the process that runs it at some moment soon after it has begun."""
    for _ in range(kills):
        process = instance.start()
        wait_until(lambda: is_in_progress(job_id) or not ask_for(job_id), "the job runs")
        threading.Event().wait(random.uniform(0, 0.2))
        process.kill()


def let_it_finish(instance: Instance, job_id: str, is_done: Callable[[], bool]) -> None:
    """Have the job run until nothing is left to do, in a process that nobody kills."""
    process = instance.start()
    wait_until(lambda: process.is_leading, "it leads")
    wait_until(lambda: is_done() or not ask_for(job_id), "all of the work is done", 300)
    wait_until(lambda: not is_in_progress(job_id), "the last run has ended")
    process.stop()


def is_in_progress(job_id: str) -> bool:
    db.session.remove()
    return job_id in runs.running()


def ask_for(job_id: str) -> str:
    """Ask for a run, unless one is in progress."""
    return "" if is_in_progress(job_id) else requests.ask(job_id)


def some_exchanges(number: int, *, are_over: bool) -> list[int]:
    """Exchanges with people, due to be erased where they are over; their ids."""
    long_ago = now() - timedelta(days=40)
    over = {
        "state": ExchangeState.COMPLETED,
        "completed_reason": CompletedReason.DATE_PASSED,
        "completed_at": long_ago,
        "purge_warned_at": long_ago + timedelta(days=23),
    }
    organizer_id = factories.an_organizer()
    ids = [factories.an_exchange(organizer_id, **(over if are_over else {})) for _ in range(number)]
    for exchange_id in ids:
        factories.a_crowd(exchange_id, PEOPLE)
    return ids


def people_of(exchange_ids: list[int]) -> int:
    db.session.remove()
    counted = select(func.count()).select_from(Participant).where(Participant.exchange_id.in_(exchange_ids))
    return db.session.scalar(counted) or 0


@on_both_in_full
def test_a_purge_killed_again_and_again_erases_what_is_over_and_nothing_else(instance: Instance) -> None:
    over = some_exchanges(rounds(150, 1500), are_over=True)
    others = some_exchanges(20, are_over=False)

    def is_erased() -> bool:
        db.session.remove()
        left = select(func.count()).select_from(Exchange).where(Exchange.id.in_(over))
        return db.session.scalar(left) == 0

    kill_at_work(instance, "purge_old_exchanges", rounds(2, 50))
    let_it_finish(instance, "purge_old_exchanges", is_erased)
    assert (people_of(over), people_of(others)) == (0, 20 * PEOPLE)
    assert_sound()


@on_both_in_full
def test_a_clean_up_killed_again_and_again_forgets_and_counts_each_run_once(instance: Instance) -> None:
    number = rounds(4_000, 40_000)
    long_ago = now() - timedelta(days=100)
    old = [
        {
            "public_id": new_public_id(),
            "job_id": "job_of_old",
            "slot": long_ago + timedelta(seconds=second),
            "trigger": Trigger.CLOCK,
            "state": ExecutionState.SUCCEEDED,
            "started_at": long_ago,
            "duration": 1.0,
            "instance": "gone",
        }
        for second in range(number)
    ]
    with transaction() as session:
        session.execute(insert(JobExecution), old)

    def is_pruned() -> bool:
        db.session.remove()
        left = select(func.count()).select_from(JobExecution).where(JobExecution.job_id == "job_of_old")
        return db.session.scalar(left) == 0

    kill_at_work(instance, "prune_job_history", rounds(2, 50))
    let_it_finish(instance, "prune_job_history", is_pruned)
    assert history.totals()["job_of_old", ExecutionState.SUCCEEDED] == (number, float(number))
    assert_sound()


def run_of(number: int) -> JobExecution | None:
    db.session.remove()
    return db.session.scalar(select(JobExecution).where(JobExecution.job_id == f"mark_{number}"))


def has_ended(number: int, state: ExecutionState) -> bool:
    run = run_of(number)
    return run is not None and run.state is state


@on_both_in_full
def test_a_job_that_kills_its_process_is_given_up_and_the_others_go_on(instance: Instance) -> None:
    admin = factories.an_organizer(is_admin=True)
    instance.plan_marks(range(8))
    for _ in range(ATTEMPTS):
        instance.start(deadly=[3]).process.wait(120)
    instance.start(deadly=[3])
    wait_until(lambda: has_ended(3, ExecutionState.ABANDONED), "the deadly run is given up")
    instance.wait_for_marks(7)
    assert sorted(instance.marks()) == [0, 1, 2, 4, 5, 6, 7]
    poisoned = run_of(3)
    assert poisoned is not None
    assert (poisoned.attempt, poisoned.reason) == (ATTEMPTS, f"its process went away {ATTEMPTS} times")
    assert db.session.scalars(select(Trouble.subject)).all() == ["mark"]
    told = select(Letter.organizer_id).where(Letter.kind == LetterKind.JOB_FAILED)
    assert db.session.scalars(told).all() == [admin]
    assert_sound()


def test_a_run_that_hangs_is_failed_and_its_process_ends_for_another(small_instance: Instance) -> None:
    small_instance.plan_marks(range(5))
    hung = small_instance.start(pace=replace(FAST, stop_within=1.0), endless=[2], hard_limit=6.0)
    assert hung.process.wait(120) == 1
    assert has_ended(2, ExecutionState.FAILED)
    hanging = run_of(2)
    assert hanging is not None
    assert hanging.error.startswith("it hung")
    small_instance.start()
    small_instance.plan_marks(range(5, 8))
    small_instance.wait_for_marks(7)
    assert sorted(small_instance.marks()) == [0, 1, 3, 4, 5, 6, 7]
    assert_sound()


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_a_migration_killed_at_any_moment_ends_at_head_the_next_time(
    database: str,
    settings: Settings,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    record_property: Figure,
) -> None:
    cut_short = 0
    for number in range(rounds(2, 30)):
        if database == "sqlite":
            url = f"sqlite:///{tmp_path}/round{number}.db"
        else:
            server: PostgresServer = request.getfixturevalue("postgres_server")
            url = server.create_database()
        variables = {
            "PATH": os.defpath,
            "PYTHONPATH": str(ROOT),
            "SNEAKY_DATA_DIR": str(settings.data_dir),
            "SNEAKY_DATABASE_URL": url,
            "SNEAKY_SECRET_KEY": settings.secret_key.decode(),
        }

        def sneaky(*words: str, variables: dict[str, str] = variables) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", "sneaky", *words]
            return subprocess.Popen(command, env=variables, cwd=tmp_path, stderr=subprocess.DEVNULL)

        began = monotonic()
        if number == 0:
            assert sneaky("db", "upgrade").wait(120) == 0
            usual = monotonic() - began
            continue
        killed = sneaky("db", "upgrade")
        threading.Event().wait(random.uniform(0.5, 1.0) * usual)
        killed.kill()
        cut_short += killed.wait(20) != 0
        assert sneaky("db", "upgrade").wait(120) == 0
        assert sneaky("check").wait(120) == 0
    record_property("migrations cut short", cut_short)
