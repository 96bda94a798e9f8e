"""Serves the app: gunicorn configured in code, and the clock started and stopped in each of its workers.

The process that only watches over the workers loads neither Flask nor SQLAlchemy: what workers need is
imported in them, inside functions, and that saves a third of the memory of the whole.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from sneaky.core import log
from sneaky.core.errors import RuleBroken
from sneaky.core.settings import Settings, environment_with, load

if TYPE_CHECKING:
    from flask import Flask

    from sneaky.worker import Pace

GRACE = 20  # seconds for requests and runs in progress, after SIGTERM
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  (gunicorn's own files, and only where the system has it)


class HouseLogger(Logger):
    """Sends what gunicorn says through the log of the house."""

    def setup(self, _cfg: object) -> None:
        """Keep gunicorn's loggers without handlers of their own."""
        self.error_log.propagate = True
        self.error_log.setLevel(logging.INFO)
        self.access_log.propagate = False


class Server(BaseApplication):
    """Gunicorn with this configuration; the app is made in each worker, after forking."""

    def __init__(self, settings: Settings, create_app: Callable[[Settings], Flask]) -> None:
        self._settings = settings
        self._create_app = create_app
        super().__init__()

    def load_config(self) -> None:
        """Take the configuration from the settings, and from nowhere else."""
        for name, value in configuration(self._settings).items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Make the app of one worker."""
        return self._create_app(self._settings)


def become() -> NoReturn:
    """Replace this process by the server, which has loaded nothing of what it needed to get here."""
    # Read by the C library when a process starts: threads that share one heap leave fewer holes in it.
    environment = environment_with(MALLOC_ARENA_MAX="1")
    command = [sys.executable, "-m", "sneaky.serving"]
    os.execve(sys.executable, command, environment)  # noqa: S606  (our own interpreter)


def serve(settings: Settings, create_app: Callable[[Settings], Flask] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; then requests and runs in progress have 20 seconds to end."""
    log.configure(settings.log_level, settings.log_format)
    Server(settings, create_app or _create_app).run()


def _create_app(settings: Settings) -> Flask:
    from sneaky.app import create_app

    return create_app(settings)


def run_clock(app: Flask) -> None:
    """Run the clock alone, without pages, until SIGTERM or SIGINT.

    Raises `RuleBroken` where SNEAKY_SCHEDULER is off.
    """
    from sneaky import scheduler

    # Held back from every thread and waited for: Python's own handlers miss a signal that comes just as the
    # main thread is about to block, and a busy process would then never stop.
    over = {signal.SIGTERM, signal.SIGINT}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, over)
    if not scheduler.start(app):
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        raise RuleBroken("SNEAKY_SCHEDULER is off, so this process would do nothing. Set it to auto or on.")
    signal.sigwait(over)
    _stop(app)


def run_worker(app: Flask, pace: Pace | None = None) -> None:
    """Make runs and send letters until SIGTERM or SIGINT.

    Where a run hangs, the process replaces itself by a fresh one: only that ends a thread.
    """
    from sneaky.worker import make_worker

    worker = make_worker(app, pace)
    is_told = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        is_told.set()
        worker.begin_stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    is_idle = worker.work()
    if is_idle and not worker.has_to_begin_anew:
        return
    logging.shutdown()
    if not is_told.is_set():
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  (our own interpreter)
    os._exit(1)


def configuration(settings: Settings) -> dict[str, Any]:
    """Gunicorn's settings: threads, a grace at the end, no files in anybody's home, no trust in headers.

    The app must not be loaded before forking, or every worker would have the scheduler of the first.
    """
    return {
        "bind": settings.bind,
        "worker_class": "gthread",
        "workers": settings.workers,
        "threads": settings.threads,
        "preload_app": False,
        "graceful_timeout": GRACE,
        "control_socket_disable": True,
        "forwarded_allow_ips": "",
        "secure_scheme_headers": {},
        "logger_class": HouseLogger,
        "proc_name": "sneaky",
        "when_ready": when_ready,
        "worker_tmp_dir": str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else None,
        "post_worker_init": post_worker_init,
        "worker_exit": worker_exit,
    }


def when_ready(_server: object) -> None:
    """Gunicorn's hook before the first fork: what is loaded by now stays in pages that workers share."""
    gc.collect()
    gc.freeze()


def post_worker_init(worker: Any) -> None:
    """Gunicorn's hook in a forked worker whose app is loaded: start the clock."""
    from sneaky import scheduler

    app: Flask = worker.wsgi
    if scheduler.start(app):
        _begin_stop_at_once(app)


def worker_exit(_server: object, worker: Any) -> None:
    """Gunicorn's hook in a worker that ends: stop the clock. The arbiter calls it too, and has none."""
    app = getattr(worker, "wsgi", None)
    if app is not None and worker.pid == os.getpid():
        _stop(app)


def _begin_stop_at_once(app: Flask) -> None:
    """Let the clock stop beside the requests, not after them: both share one grace."""
    from sneaky import scheduler

    clock, then = scheduler.clock_of(app), signal.getsignal(signal.SIGTERM)

    def on_sigterm(number: int, frame: FrameType | None) -> None:
        clock.begin_stop()
        if callable(then):
            then(number, frame)

    signal.signal(signal.SIGTERM, on_sigterm)


def _stop(app: Flask) -> None:
    """Stop the clock. A run that hangs would keep the process for ever, so then it ends the hard way."""
    from sneaky import scheduler

    if not scheduler.stop(app):
        logging.shutdown()
        os._exit(1)


if __name__ == "__main__":
    serve(load()[0])
