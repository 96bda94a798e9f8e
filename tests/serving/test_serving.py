"""Served by gunicorn: one worker leads, a killed one is followed, a stop is clean; the clock alone too."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import select

from sneaky import scheduler, serving
from sneaky.app import create_app
from sneaky.core.clock import monotonic
from sneaky.core.db import db
from sneaky.core.errors import RuleBroken
from sneaky.core.settings import Settings
from sneaky.models import Leader
from tests.postgres import free_port

ROOT = Path(__file__).parents[2]


def wait_until(condition: Callable[[], object], what: str, seconds: float = 120.0) -> None:
    deadline, pause = monotonic() + seconds, threading.Event()
    while not condition():
        assert monotonic() < deadline, f"never happened: {what}"
        pause.wait(0.05)


class Served:
    """A real process that serves, or that runs the clock alone."""

    def __init__(self, settings: Settings, folder: Path, *arguments: str, **environment: str) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.log = folder / "served.log"
        variables = {
            "PATH": os.defpath,
            "PYTHONPATH": str(ROOT),
            "SNEAKY_DATA_DIR": str(settings.data_dir),
            "SNEAKY_DATABASE_URL": settings.database_url,
            "SNEAKY_SECRET_KEY": settings.secret_key.decode(),
            "SNEAKY_BIND": self.address,
            "SNEAKY_BASE_URL": f"http://{self.address}",
            "SNEAKY_MAIL_URL": settings.mail_url,
        }
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=folder,
                env=variables | environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self) -> None:
        """Kill it with everything it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=5) as reply:
                return bool(reply.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def children(self) -> list[int]:
        """The workers' process ids."""
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in found.split()]

    def stop(self) -> float:
        """SIGTERM; how many seconds it took to end well."""
        began = monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.log.read_text()
        return monotonic() - began


@pytest.fixture
def serve(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts a process on the test's own database; it is killed at the end if it is still there."""
    started: list[Served] = []

    def start(*arguments: str, **environment: str) -> Served:
        started.append(Served(settings, tmp_path, *arguments, **environment))
        return started[-1]

    yield start
    for one in started:
        one.kill()


def leader() -> tuple[str | None, int]:
    db.session.remove()
    row = db.session.execute(select(Leader.holder, Leader.term)).one_or_none()
    return (None, 0) if row is None else (row.holder, row.term)


@pytest.mark.slow
def test_of_two_workers_one_leads_and_a_stop_hands_over(app: Flask, serve: Callable[..., Served]) -> None:
    served = serve("-m", "sneaky.serving", SNEAKY_WORKERS="2")
    wait_until(lambda: served.answers("/readyz"), "it is ready")
    assert len(served.children()) == 2
    holder, term = leader()
    assert (holder is not None, term) == (True, 1)
    assert served.stop() < 25
    assert leader() == (None, 1)
    said = served.log.read_text()
    assert "Traceback" not in said
    assert said.count("this process leads") == 1


@pytest.mark.slow
@pytest.mark.fault
def test_a_killed_worker_is_replaced_and_somebody_leads_again(
    app: Flask, serve: Callable[..., Served]
) -> None:
    served = serve("-m", "sneaky.serving", SNEAKY_WORKERS="2")
    wait_until(lambda: served.answers("/readyz"), "it is ready")
    for worker in served.children():
        os.kill(worker, signal.SIGKILL)
    wait_until(lambda: leader()[1] == 2, "another worker leads")
    wait_until(lambda: served.answers("/readyz"), "it is ready again")
    assert served.stop() < 25


@pytest.mark.slow
def test_the_clock_runs_without_pages(app: Flask, serve: Callable[..., Served]) -> None:
    alone = serve("-m", "sneaky", "scheduler", "run")
    wait_until(lambda: leader()[0], "it leads")
    assert alone.stop() < 25
    assert leader() == (None, 1)


@pytest.mark.slow
def test_switched_off_the_pages_are_served_and_nobody_leads(app: Flask, serve: Callable[..., Served]) -> None:
    served = serve("-m", "sneaky.serving", SNEAKY_SCHEDULER="off")
    wait_until(lambda: served.answers("/healthz"), "it answers")
    assert not served.answers("/readyz")
    assert leader() == (None, 0)
    served.stop()


@pytest.mark.slow
def test_the_development_server_runs_the_clock_once_it_serves(
    app: Flask, serve: Callable[..., Served]
) -> None:
    port = str(free_port())
    served = serve("-m", "flask", "--app", "sneaky", "run", "--port", port, "--debug", "--no-debugger")
    served.address = f"127.0.0.1:{port}"
    wait_until(lambda: "Restarting with stat" in served.log.read_text(), "the reloader has its two processes")
    assert leader() == (None, 0)
    wait_until(lambda: served.answers("/healthz"), "it answers")
    wait_until(lambda: served.answers("/readyz"), "the clock goes round")
    assert leader()[1] == 1


@pytest.mark.slow
def test_a_shell_runs_jobs_and_never_the_clock(app: Flask, settings: Settings) -> None:
    variables = {
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT),
        "SNEAKY_DATA_DIR": str(settings.data_dir),
        "SNEAKY_DATABASE_URL": settings.database_url,
        "SNEAKY_SECRET_KEY": settings.secret_key.decode(),
    }
    shell = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "sneaky", "shell"],
        input="auto_complete_exchanges()\nprint('running:', app.scheduler.running)\n",
        env=variables,
        cwd=settings.data_dir,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "<auto_complete_exchanges succeeded in " in shell.stdout
    assert "running: False" in shell.stdout
    assert leader() == (None, 0)


def test_a_clock_that_is_switched_off_is_not_run_alone(app: Flask) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with pytest.raises(RuleBroken, match="SNEAKY_SCHEDULER is off"):
        serving.run_clock(app)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_gunicorn_writes_into_no_home_trusts_no_header_and_loads_after_forking(settings: Settings) -> None:
    chosen = replace(settings, workers=3, threads=5, bind="127.0.0.1:8123")
    server = serving.Server(chosen, create_app)
    assert server.cfg.workers == 3
    assert server.cfg.threads == 5
    assert server.cfg.worker_class_str == "gthread"
    assert server.cfg.address == [("127.0.0.1", 8123)]
    assert server.cfg.graceful_timeout == 20
    assert server.cfg.control_socket_disable
    assert server.cfg.forwarded_allow_ips == []
    assert server.cfg.secure_scheme_headers == {}
    assert not server.cfg.preload_app


def test_sigterm_reaches_the_clock_before_the_requests_have_ended(settings: Settings) -> None:
    app = create_app(replace(settings, scheduler="auto"))
    clock, before = scheduler.clock_of(app), signal.getsignal(signal.SIGTERM)
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: told.append(number))
    try:
        serving.post_worker_init(SimpleNamespace(wsgi=app))
        wait_until(lambda: clock.scheduler.ticked_at, "the clock goes round")
        os.kill(os.getpid(), signal.SIGTERM)
        wait_until(lambda: not clock.is_running, "the clock stops")
        assert told == [signal.SIGTERM]
        serving.worker_exit(None, SimpleNamespace(wsgi=app, pid=os.getpid()))
    finally:
        signal.signal(signal.SIGTERM, before)
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.mark.parametrize("chosen", ["", "4"])
def test_the_server_starts_with_one_heap_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    became = SimpleNamespace(command=[], environment={})

    def execve(_path: str, command: list[str], environment: dict[str, str]) -> None:
        became.command, became.environment = command, environment
        raise InterruptedError

    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    if chosen:
        monkeypatch.setenv("MALLOC_ARENA_MAX", chosen)
    with pytest.raises(InterruptedError):
        serving.become()
    assert became.command == [sys.executable, "-m", "sneaky.serving"]
    assert became.environment["MALLOC_ARENA_MAX"] == (chosen or "1")


def test_what_is_loaded_before_forking_stays_untouched_by_the_collector() -> None:
    try:
        serving.when_ready(None)
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


def test_the_process_that_watches_the_workers_has_no_clock_to_stop() -> None:
    serving.worker_exit(None, SimpleNamespace(pid=os.getpid()))
