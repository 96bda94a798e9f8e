"""Workers that procrastinate knocks at: what is due is run once, whatever becomes of a knock or a worker."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from sneaky.app import create_app
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.errors import SettingsError
from sneaky.core.settings import Settings
from sneaky.executions import overrides, waiting
from sneaky.executions.claims import ATTEMPTS, LeaseLost
from sneaky.jobs import hands
from sneaky.jobs.running import Runner
from sneaky.jobs.work import WORKS, Run
from sneaky.models import ExecutionState, LetterKind, Trigger
from sneaky.outbox import queue
from sneaky.worker import make_worker
from sneaky.worker.procrastinating import EngineWorker
from tests.engine.conftest import FAST, StartClock, StartWorker, jobs
from tests.postgres import PostgresServer
from tests.worker.conftest import Probe, wait_until
from tests.worker.test_worker import number_of_workers, order, runs_of, sent, states, until

pytestmark = pytest.mark.postgres
ROOT = Path(__file__).parents[2]


def a_letter() -> None:
    with transaction():
        queue.put(LetterKind.TEST, to_email="ann@example.org")


def test_the_engine_in_force_says_which_worker_it_is(engine_app: Flask) -> None:
    assert isinstance(make_worker(engine_app), EngineWorker)


def test_what_the_leader_leaves_a_worker_runs_once(
    engine_app: Flask, probe: Probe, start_clock: StartClock, start_worker: StartWorker
) -> None:
    start_worker(engine_app)
    wait_until(number_of_workers, "the worker beats")
    start_clock(engine_app).scheduler.submit_order(order())
    wait_until(lambda: states() == [ExecutionState.SUCCEEDED], "it runs")
    assert probe.who == ["worker"]
    wait_until(lambda: jobs() == [], "nothing is left of the knock")


def test_a_tick_leaves_a_row_only_if_it_worked(
    engine_app: Flask, ticking: Probe, start_worker: StartWorker
) -> None:
    hands.leave(order("ticking"), Runner())
    start_worker(engine_app)
    wait_until(lambda: ticking.runs, "it ticks")
    wait_until(lambda: jobs() == [], "the knock is answered")
    assert runs_of("ticking") == []


def test_a_knock_that_got_lost_is_made_again_by_the_leader(
    engine_app: Flask, probe: Probe, start_clock: StartClock, start_worker: StartWorker
) -> None:
    hands.leave(order(), Runner())
    with transaction() as session:
        session.execute(text("DELETE FROM procrastinate_jobs"))
    start_worker(engine_app)
    wait_until(number_of_workers, "the worker beats")
    start_clock(engine_app)
    wait_until(lambda: states() == [ExecutionState.SUCCEEDED], "it runs")


def test_the_run_of_a_worker_that_is_gone_goes_to_another_one(
    engine_app: Flask, probe: Probe, start_clock: StartClock, start_worker: StartWorker
) -> None:
    hands.leave(order(), Runner())
    with transaction() as session:  # as kill -9 leaves it: taken by nobody who lives
        session.execute(text("UPDATE procrastinate_jobs SET status = 'doing'"))
    assert waiting.take(instance="gone", lease=timedelta(seconds=1)) is not None
    start_worker(engine_app)
    wait_until(number_of_workers, "the worker beats")
    start_clock(engine_app)
    wait_until(lambda: states() == [ExecutionState.SUCCEEDED], "it runs")
    assert (probe.who, runs_of()[0].attempt) == (["worker"], 2)
    wait_until(lambda: jobs() == [], "nothing stalled is left")


def test_a_run_whose_workers_are_gone_three_times_is_given_up(
    engine_app: Flask, probe: Probe, start_clock: StartClock, start_worker: StartWorker
) -> None:
    """The engine itself would bring it back for ever: it counts no attempt that a killed process has made."""

    def die(_run: Run) -> None:
        raise LeaseLost  # as for a process that is killed: nothing is written down

    probe.body = die
    hands.leave(order(), Runner())
    start_worker(engine_app)
    wait_until(number_of_workers, "the worker beats")
    start_clock(engine_app)
    wait_until(lambda: states() == [ExecutionState.ABANDONED], "it is given up")
    assert (len(probe.runs), runs_of()[0].attempt) == (ATTEMPTS, ATTEMPTS)
    wait_until(lambda: jobs() == [], "the engine has forgotten it too")


def test_a_knock_that_nobody_heard_is_found_by_looking(
    engine_app: Flask, probe: Probe, start_worker: StartWorker
) -> None:
    with transaction() as session:  # so PostgreSQL notifies nobody
        session.execute(text("ALTER TABLE procrastinate_jobs DISABLE TRIGGER USER"))
    start_worker(engine_app)
    wait_until(number_of_workers, "the worker beats")
    hands.leave(order(), Runner())
    wait_until(lambda: states() == [ExecutionState.SUCCEEDED], "it runs")


def test_the_default_carries_nothing_of_it() -> None:
    code = "import sys, sneaky.app; sys.exit(sum(name.startswith('procrastinate') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    locked = (ROOT / "requirements.lock").read_text()
    assert "procrastinate" not in locked


def test_a_worker_that_stops_hands_its_run_over(
    engine_app: Flask, probe: Probe, start_clock: StartClock, start_worker: StartWorker
) -> None:
    begun = threading.Event()

    def body(run: Run) -> None:
        begun.set()
        while len(probe.runs) == 1:
            run.pause(0.01)
            run.checkpoint()

    probe.body = body
    hands.leave(order(), Runner())
    first = start_worker(engine_app)
    assert begun.wait(30)
    first.begin_stop()
    wait_until(lambda: runs_of()[0].lease_id is None, "it is handed over")
    start_worker(engine_app)
    wait_until(lambda: number_of_workers() == 1, "who stopped has signed off, and the other one beats")
    start_clock(engine_app)
    wait_until(lambda: states() == [ExecutionState.SUCCEEDED], "another one goes on")
    assert (len(probe.runs), runs_of()[0].attempt) == (2, 1)


def test_a_job_of_another_release_waits_for_a_worker_of_that_one(
    engine_app: Flask, probe: Probe, start_worker: StartWorker
) -> None:
    waiting.leave("of_a_later_release", now(), trigger=Trigger.CLOCK, pool="default")
    start_worker(engine_app)
    wait_until(lambda: jobs() == [], "the knock is answered")
    hands.knock_again()
    assert jobs() == []  # only a leader that knows the job knocks again
    (left,) = runs_of("of_a_later_release")
    assert (left.lease_id, left.attempt, left.state) == (None, 1, ExecutionState.RUNNING)


def test_no_more_is_run_at_once_than_there_are_threads(
    engine_app: Flask, probe: Probe, start_worker: StartWorker
) -> None:
    may_end = threading.Event()
    probe.body = until(may_end)
    for number in range(3):
        hands.leave(replace(order(), ids=(number,)), Runner())
    start_worker(engine_app, threads=2)
    wait_until(lambda: len(probe.runs) == 2, "both threads are busy")
    wait_until(number_of_workers, "the worker beats all the same")
    assert runs_of("probe_2")[0].lease_id is None
    may_end.set()
    wait_until(lambda: states("probe_2") == [ExecutionState.SUCCEEDED], "the third one has its turn")


def test_a_letter_goes_without_a_leader_and_without_a_tick(
    engine_app: Flask, start_worker: StartWorker, tmp_path: Path
) -> None:
    start_worker(engine_app)
    a_letter()
    wait_until(lambda: sent(tmp_path) == 1, "it is sent")


def test_letters_wait_while_their_job_is_paused(
    engine_app: Flask, start_worker: StartWorker, tmp_path: Path
) -> None:
    overrides.set_paused("deliver_letters", True)
    a_letter()
    start_worker(engine_app)
    wait_until(lambda: jobs() == [], "the knock is answered")
    assert sent(tmp_path) == 0
    overrides.set_paused("deliver_letters", False)
    a_letter()
    wait_until(lambda: sent(tmp_path) == 2, "both are sent")


def test_a_run_that_hangs_is_failed_and_the_process_has_to_begin_anew(
    engine_app: Flask,
    probe: Probe,
    start_worker: StartWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_end = threading.Event()
    probe.body = until(may_end)
    work = WORKS["probe"]
    hasty = replace(work, timed=replace(work.timed, hard_limit=timedelta(seconds=0.3)))
    monkeypatch.setitem(WORKS, "probe", hasty)
    hands.leave(order(), Runner())
    worker = start_worker(engine_app, pace=replace(FAST, stop_within=0.1))
    wait_until(lambda: worker.has_to_begin_anew, "the hard limit")
    assert runs_of()[0].state is ExecutionState.FAILED
    may_end.set()


def test_a_worker_comes_back_with_its_database(
    engine_app: Flask, probe: Probe, start_worker: StartWorker, postgres_server: PostgresServer
) -> None:
    start_worker(engine_app)
    wait_until(number_of_workers, "the worker beats")
    db.session.remove()
    postgres_server.restart("immediate")
    wait_until(came_through(lambda: hands.leave(order(), Runner())), "the database answers")
    wait_until(lambda: states() == [ExecutionState.SUCCEEDED], "it runs")


def came_through(step: Callable[[], object]) -> Callable[[], bool]:
    """Whether `step` was done at last without an error."""

    def attempt() -> bool:
        try:
            step()
        except Exception:  # noqa: BLE001  (whatever a database says that is just starting)
            db.session.remove()
            return False
        return True

    return attempt


@pytest.mark.parametrize("before", ["local", "procrastinate"])
def test_what_waits_when_the_engine_is_changed_is_not_lost(
    make_app: Callable[[str], Flask],
    probe: Probe,
    start_clock: StartClock,
    start_worker: StartWorker,
    tmp_path: Path,
    before: str,
) -> None:
    with make_app(before).app_context():
        hands.leave(order(), Runner())
        a_letter()
    after = make_app("local" if before == "procrastinate" else "procrastinate")
    start_worker(after)
    with after.app_context():
        wait_until(number_of_workers, "the worker beats")
        start_clock(after)
        wait_until(lambda: states() == [ExecutionState.SUCCEEDED], "it runs")
        wait_until(lambda: sent(tmp_path) == 1, "it is sent")
        assert probe.who == ["worker"]


@pytest.mark.parametrize(
    ("installed", "url", "told"),
    [(True, "sqlite:////nowhere/sneaky.db", "needs PostgreSQL"), (False, "postgresql:///x", "pip install")],
)
def test_an_engine_that_cannot_be_used_stops_the_start(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, installed: bool, url: str, told: str
) -> None:
    if not installed:
        monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(SettingsError) as refused:
        create_app(replace(settings, database_url=url, engine="procrastinate"))
    (problem,) = refused.value.problems
    assert told in problem
