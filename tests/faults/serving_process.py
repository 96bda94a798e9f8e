"""A real process that serves pages on the test's own database, and an organizer's browser."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests
from flask import Flask

from sneaky.access import sessions
from sneaky.core.settings import EXTENSION as SETTINGS
from sneaky.web.session_interface import cookie_name
from tests.faults.processes import ROOT, wait_until
from tests.flows.visitor import Visitor
from tests.postgres import free_port


class ServingProcess:
    """`sneaky.serving` with one worker, started and killed as often as the test likes."""

    def __init__(self, app: Flask, folder: Path, *, scheduler: str) -> None:
        settings = app.extensions[SETTINGS]
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"
        self._log = folder / "served.log"
        self._environment = {
            "PATH": os.defpath,
            "PYTHONPATH": str(ROOT),
            # On a disk without room CPython leaves half a .pyc behind, and every later import of it fails.
            "PYTHONDONTWRITEBYTECODE": "1",
            "SNEAKY_DATA_DIR": str(settings.data_dir),
            "SNEAKY_DATABASE_URL": settings.database_url,
            "SNEAKY_SECRET_KEY": settings.secret_key.decode(),
            "SNEAKY_BIND": self.address,
            "SNEAKY_BASE_URL": self.url,
            "SNEAKY_MAIL_URL": settings.mail_url,
            "SNEAKY_SCHEDULER": scheduler,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Serve, and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sneaky.serving"],
                cwd=self._log.parent,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_until(lambda: self.answers("/healthz"), "it answers", 60)

    def pids(self) -> list[int]:
        """The process that watches, and the one that serves."""
        if self._process is None:
            return []
        pid = self._process.pid
        workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, workers)]

    def kill(self) -> None:
        """kill -9 to all of it, and wait until the system has buried it."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(20)

    def browser_of(self, organizer_id: int) -> Visitor:
        """The browser of an organizer who is signed in; it outlives the process."""
        visitor = Visitor(self.url)
        started = sessions.rotate(None, organizer_id=organizer_id, data={})
        visitor.cookies.set(cookie_name(), started.cookie)
        return visitor

    def answers(self, path: str) -> bool:
        """Whether this page is there and all is well with it."""
        try:
            return requests.get(f"{self.url}{path}", timeout=5).ok
        except requests.RequestException:
            return False


@contextmanager
def serving(app: Flask, folder: Path, *, scheduler: str) -> Iterator[ServingProcess]:
    """A served instance; `scheduler` is on or off. It is gone at the end."""
    process = ServingProcess(app, folder, scheduler=scheduler)
    try:
        process.start()
        yield process
    finally:
        process.kill()
