"""A real instance for tests: its own process, port and data folder, and a clock that tests can move."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import requests

ROOT = Path(__file__).parents[2]
T = TypeVar("T")


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def eventually(look: Callable[[], T], what: str, *, within: float = 20.0) -> T:
    """What `look` returns once it is true; fails with `what` when it never is."""
    deadline = time.monotonic() + within
    while not (seen := look()):
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.05)
    return seen


class Instance:
    """A served instance: `start`, `kill` or `stop` it, `travel` in time, open it in a `Browser`."""

    def __init__(self, folder: Path, *, mail_port: int, starts_at: datetime, database_url: str = "") -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._clock = folder / "clock.json"
        self._log = folder / "served.log"
        self._travels = 0
        inherited = dict(os.environ)  # noqa: TID251
        self.environment = {
            name: value for name, value in inherited.items() if not name.startswith("SNEAKY_")
        }
        self.environment |= {
            "SNEAKY_DATA_DIR": str(folder / "data"),
            "SNEAKY_BASE_URL": self.url,
            "SNEAKY_BIND": f"127.0.0.1:{self.port}",
            "SNEAKY_MAIL_URL": f"smtp://127.0.0.1:{mail_port}",
            "SNEAKY_MAIL_RATE": "100000",
            "SNEAKY_SCHEDULER": "on",
            "TESTS_CLOCK": str(self._clock),
            "PYTHONPATH": str(ROOT),
        }
        if database_url:
            self.environment["SNEAKY_DATABASE_URL"] = database_url
        self._set_clock(starts_at)

    def start(self) -> None:
        """Serve, and wait until it answers."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.flows.served"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        eventually(self._answers, "the instance answers")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        try:
            return requests.get(f"{self.url}/healthz", timeout=2).ok
        except requests.ConnectionError:
            return False

    def kill(self) -> None:
        """End every process of it at once, without a chance to tidy up."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(30)

    @property
    def log(self) -> str:
        """What it wrote to its log."""
        return self._log.read_text(errors="replace")

    @property
    def setup_link(self) -> str:
        """The set-up link that it printed."""
        (link,) = set(re.findall(r"http://\S+/setup/\S+", self.log))
        return str(link)

    def travel(self, to: datetime) -> None:
        """Move its clock to the UTC instant `to`, from where it goes on ticking."""
        self._set_clock(to)
        done = self._clock.with_suffix(".done")
        eventually(lambda: done.exists() and done.read_text() == str(self._travels), "the clock was moved")

    def travel_while_down(self, to: datetime) -> None:
        """Move the clock that the next start begins with."""
        self._set_clock(to)

    def _set_clock(self, to: datetime) -> None:
        self._travels += 1
        fresh = self._clock.with_suffix(".new")
        fresh.write_text(
            json.dumps({"number": self._travels, "to": to.isoformat(), "since": time.monotonic()})
        )
        fresh.replace(self._clock)
