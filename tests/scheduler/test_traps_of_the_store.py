"""The traps of APScheduler around its store: each shown on the plain one, then kept out here."""

from __future__ import annotations

import logging
import pickle
import sys
import threading
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger
from flask import Flask
from sqlalchemy import event, func, insert, select, update
from sqlalchemy.exc import OperationalError

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.executions import health
from sneaky.jobs import scheduler_health_check
from sneaky.jobs.timetable import Timed
from sneaky.jobs.work import WORKS, Run, Work
from sneaky.models import job_store_table
from sneaky.scheduler.clock import Clock
from sneaky.scheduler.store import FIRE, read_state
from tests.scheduler import plain
from tests.scheduler.conftest import Probe, StartClock, executions, wait_until
from tests.scheduler.test_traps_of_time import add_probe

NEVER = "tests.scheduler.never_imported"


class Trap:
    """Pickled, it names a call; unpickled carelessly, it makes it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return plain.ran, ("the trap snapped",)


def state(**changed: object) -> dict[str, Any]:
    """What a stored row of ours holds, with changes."""
    due = now() - timedelta(minutes=1)
    whole = {
        "version": 1,
        "id": "probe_7",
        "func": FIRE,
        "trigger": DateTrigger(due, UTC),
        "executor": "default",
        "args": ("probe", 7),
        "kwargs": {},
        "name": "probe",
        "misfire_grace_time": None,
        "coalesce": True,
        "max_instances": 1,
        "next_run_time": due,
    }
    return whole | changed


def store_row(pickled: bytes, job_id: str = "probe_7") -> None:
    """Put a due row into the job store by hand, as an older release or an intruder would."""
    with transaction() as session:
        values = {"id": job_id, "next_run_time": now().timestamp() - 60, "job_state": pickled}
        session.execute(insert(job_store_table).values(**values))


def rows() -> dict[str, bytes]:
    db.session.remove()
    found = db.session.execute(select(job_store_table.c.id, job_store_table.c.job_state))
    return {row.id: row.job_state for row in found}


def parked() -> list[str]:
    db.session.remove()
    return health.parked_jobs()


# 2: two schedulers on one store run each job twice, and one of them dies of it.


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_plain_runs_a_job_in_each_process_until_one_dies_unnoticed(tmp_path: Path) -> None:
    with plain.plain_scheduler(tmp_path) as one, plain.plain_scheduler(tmp_path) as other:
        both_look = threading.Barrier(2)
        for scheduler in (one, other):
            look_together(scheduler, both_look)
            scheduler.start(paused=True)
        one.add_job(plain.ran, "date", run_date=now(), misfire_grace_time=None)
        for scheduler in (one, other):
            scheduler.resume()
        wait_until(lambda: plain.RUNS == ["it", "it"])
        wait_until(lambda: not (one._thread.is_alive() and other._thread.is_alive()))
        assert one.running
        assert other.running


def look_together(scheduler: BackgroundScheduler, barrier: threading.Barrier) -> None:
    """Let both schedulers read what is due before either has taken it away."""
    store = scheduler._jobstores["default"]
    look = store.get_due_jobs

    def look_and_wait(at: object) -> object:
        due = look(at)
        if due:
            barrier.wait(60)
        return due

    store.get_due_jobs = look_and_wait


def test_of_two_processes_one_leads_and_the_other_never_touches_the_store(
    any_app: Flask, probe: Probe, start_clock: StartClock
) -> None:
    leader = start_clock(any_app)
    standby = start_clock(any_app, leads=False)
    touched: list[object] = []
    event.listen(standby._store.engine, "checkout", lambda *checkout: touched.append(checkout))
    for number in range(50):
        add_probe(leader, number, now())
    wait_until(lambda: len(probe.ids) == 50)
    assert sorted(probe.ids) == [(number,) for number in range(50)]
    assert not standby.is_leading
    assert touched == []


# 3: an exception out of the store ends the scheduler's thread.


class Broken:
    """A method of the store that raises until it is mended."""

    def __init__(self, method: Any) -> None:
        self._method = method
        self.calls = 0
        self.is_mended = False

    def __call__(self, *args: object) -> object:
        if not self.is_mended:
            self.calls += 1
            raise OperationalError("SELECT", {}, Exception("the server closed the connection"))
        return self._method(*args)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_plain_dies_of_its_store_and_says_that_it_runs(tmp_path: Path) -> None:
    with plain.plain_scheduler(tmp_path) as scheduler:
        scheduler.start()
        store = scheduler._jobstores["default"]
        store.remove_job = Broken(store.remove_job)
        scheduler.add_job(plain.ran, "date", run_date=now(), misfire_grace_time=None)
        wait_until(lambda: not scheduler._thread.is_alive())
        assert scheduler.running


@pytest.mark.parametrize("method", ["get_due_jobs", "get_next_run_time", "advance", "lookup_job"])
def test_the_thread_outlives_its_store_and_goes_on_when_it_answers(
    app: Flask, probe: Probe, daily: Probe, start_clock: StartClock, method: str
) -> None:
    clock = start_clock(app)
    broken = Broken(getattr(clock._store, method))
    setattr(clock._store, method, broken)
    day = timedelta(days=1)
    clock.scheduler.pause()
    broken.is_mended = True
    add_probe(clock, 1, now())
    clock.scheduler.modify_job("auto_complete_exchanges", next_run_time=now() - day)
    broken.is_mended = False
    good_before = clock.scheduler.ticked_at
    clock.scheduler.resume()

    wait_until(lambda: broken.calls >= 2)
    assert clock.scheduler._thread.is_alive()
    assert clock.scheduler.errors >= 1 or method != "get_due_jobs"
    broken.is_mended = True
    wait_until(lambda: clock.scheduler.ticked_at not in {None, good_before})
    wait_until(lambda: probe.ids == [(1,)] and len(daily.slots) == 1)
    wait_until(lambda: clock._store.lookup_job("probe_1") is None)


def test_a_clock_whose_rounds_fail_is_unhealthy(app: Flask, start_clock: StartClock) -> None:
    clock = start_clock(app)
    wait_until(lambda: scheduler_health_check()["status"] == "healthy")
    clock.scheduler.before_due = lambda: 1 / 0  # type: ignore[assignment]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(health, "TICKED_WITHIN", timedelta(seconds=0.3))
        wait_until(lambda: scheduler_health_check()["status"] == "unhealthy")
        assert "last round" in scheduler_health_check()["reason"]
    assert clock.scheduler._thread.is_alive()


# 4: a row whose function is gone is deleted.


def test_plain_deletes_a_row_whose_function_is_gone(tmp_path: Path) -> None:
    with plain.plain_scheduler(tmp_path) as scheduler:
        scheduler.start(paused=True)
        scheduler.add_job(plain.ran, "date", run_date=now() + timedelta(days=1), id="old")
        store = scheduler._jobstores["default"]
        gone = pickle.dumps(scheduler.get_job("old").__getstate__() | {"func": "tests.scheduler.plain:gone"})
        with store.engine.begin() as connection:
            connection.execute(update(store.jobs_t).values(job_state=gone))
        assert scheduler.get_jobs() == []
        with store.engine.begin() as connection:
            assert connection.scalar(select(func.count()).select_from(store.jobs_t)) == 0


def test_a_job_of_another_release_is_kept_parked_shown_and_comes_back(
    any_app: Flask, start_clock: StartClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pickled = pickle.dumps(state(id="old_7", args=("old_job", 7)))
    store_row(pickled, "old_7")
    clock = start_clock(any_app)
    wait_until(lambda: parked() == ["old_7"])
    assert pickled in rows().values()
    assert "old_7" not in [job.id for job in clock.scheduler.get_jobs()]
    clock.stop()

    runs: list[tuple[int, ...]] = []
    old = Work(Timed("old_job", "Old"), lambda _run, *ids: runs.append(ids), "old_{}")
    monkeypatch.setitem(WORKS, "old_job", old)
    start_clock(any_app)
    wait_until(lambda: runs == [(7,)])
    assert parked() == []
    assert len(executions("old_7")) == 1


# 10: rows are pickles, and reading one may run anything.


def test_plain_runs_what_a_row_says(tmp_path: Path) -> None:
    with plain.plain_scheduler(tmp_path) as scheduler:
        scheduler.start(paused=True)
        scheduler.add_job(plain.ran, "date", run_date=now() + timedelta(days=1), id="bad")
        store = scheduler._jobstores["default"]
        with store.engine.begin() as connection:
            connection.execute(update(store.jobs_t).values(job_state=pickle.dumps(Trap())))
        scheduler.get_jobs()
        assert plain.RUNS == ["the trap snapped"]


@pytest.mark.parametrize(
    "pickled",
    [
        pytest.param(pickle.dumps(Trap()), id="a call"),
        pytest.param(pickle.dumps(state(args=(Trap(),))), id="a call among the arguments"),
        pytest.param(pickle.dumps(state(func=f"{NEVER}:fire")), id="another function"),
        pytest.param(pickle.dumps(state(func="os:system", args=("true",))), id="a shell"),
        pytest.param(pickle.dumps(state(args=("probe", "7"))), id="text instead of an id"),
        pytest.param(pickle.dumps(state(args=("probe", True))), id="a flag instead of an id"),
        pytest.param(pickle.dumps(state(args=())), id="no name"),
        pytest.param(pickle.dumps(state(kwargs={"slot": None})), id="named arguments"),
        pytest.param(pickle.dumps(state(executor="processpool")), id="another pool"),
        pytest.param(pickle.dumps(state(trigger="* * * * *")), id="another schedule"),
        pytest.param(pickle.dumps(state(version=2)), id="another version"),
        pytest.param(pickle.dumps([]), id="no state"),
        pytest.param(b"\x80\x05garbage", id="no pickle"),
    ],
)
def test_a_row_of_another_shape_is_parked_before_anything_is_imported(
    app: Flask,
    probe: Probe,
    start_clock: StartClock,
    pickled: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    plain.RUNS.clear()
    store_row(pickled)
    with caplog.at_level(logging.ERROR):
        start_clock(app)
        wait_until(lambda: parked() == ["probe_7"])
    assert pickled in rows().values()
    assert plain.RUNS == []
    assert probe.ids == []
    assert NEVER not in sys.modules
    assert "stored job parked" in caplog.text


def test_a_row_of_our_shape_is_read(app: Flask, probe: Probe, start_clock: StartClock) -> None:
    assert read_state(pickle.dumps(state()))["args"] == ("probe", 7)
    store_row(pickle.dumps(state()))
    start_clock(app)
    wait_until(lambda: probe.ids == [(7,)])


def test_nothing_but_a_name_with_ids_can_be_stored(app: Flask, start_clock: StartClock) -> None:
    clock: Clock = start_clock(app)
    with pytest.raises(ValueError, match="another function than ours"):
        clock.scheduler.add_job(plain.ran, "date", run_date=now() + timedelta(days=1))


def test_a_body_that_raises_leaves_the_thread_alone(
    app: Flask, probe: Probe, start_clock: StartClock
) -> None:
    def fail(_run: Run) -> None:
        raise ValueError("wrong data")

    probe.body = fail
    clock = start_clock(app)
    add_probe(clock, 1, now())
    wait_until(lambda: [row.error for row in executions("probe_1")] == ["ValueError: wrong data"])
    assert clock.scheduler._thread.is_alive()
