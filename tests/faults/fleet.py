"""A fleet on one PostgreSQL: web, scheduler and worker processes that are killed and frozen at random."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from flask import Flask

from sneaky.core.settings import EXTENSION as SETTINGS
from tests.faults.processes import ROOT
from tests.postgres import free_port

ROLES = ("web", "web", "scheduler", "worker", "worker")


@dataclass
class Member:
    """One place in the fleet, and the process that fills it now with all it has started."""

    role: str
    port: int
    process: subprocess.Popen[bytes] | None = None
    is_frozen: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def send(self, number: signal.Signals) -> None:
        """To the process and its children; one that has just ended is no trouble."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        if self.process is not None:
            self.process.wait(30)
        self.is_frozen = False

    def freeze(self) -> None:
        self.send(signal.SIGSTOP)
        self.is_frozen = True

    def thaw(self) -> None:
        self.send(signal.SIGCONT)
        self.is_frozen = False


@dataclass
class Faults:
    """What was done to whom."""

    killed: list[str] = field(default_factory=list)
    frozen: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.killed) + len(self.frozen)


class Fleet:
    """Two web processes, a scheduler and two workers on the database of `app`; or whom `roles` names."""

    def __init__(
        self,
        app: Flask,
        folder: Path,
        marks: Path,
        mail_url: str,
        *,
        roles: Sequence[str] = ROLES,
        as_shipped: bool = False,
    ) -> None:
        self.settings = app.extensions[SETTINGS]
        self.members = [Member(role, free_port()) for role in roles]
        self._as_shipped = as_shipped
        self.faults = Faults()
        self._marks = marks
        self._mail_url = mail_url
        self.log = folder / "fleet.log"

    @property
    def workers(self) -> list[Member]:
        return [member for member in self.members if member.role == "worker"]

    @property
    def webs(self) -> list[Member]:
        return [member for member in self.members if member.role == "web"]

    def start(self) -> None:
        for member in self.members:
            self._start(member)

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def _start(self, member: Member) -> None:
        environment = {
            "SNEAKY_DATA_DIR": str(self.settings.data_dir),
            "SNEAKY_DATABASE_URL": self.settings.database_url,
            "SNEAKY_ENGINE": self.settings.engine,
            "SNEAKY_SECRET_KEY": self.settings.secret_key.decode(),
            "SNEAKY_MAIL_URL": self._mail_url,
            "SNEAKY_MAIL_RATE": "100000",
            "SNEAKY_LOG_LEVEL": "WARNING",
            "SNEAKY_BIND": f"127.0.0.1:{member.port}",
            "SNEAKY_BASE_URL": "http://127.0.0.1",
            "SNEAKY_TRUSTED_PROXIES": "1",
            "SNEAKY_SCHEDULER": "off" if member.role == "web" else "auto",
        }
        wishes = {
            "role": member.role,
            "as_shipped": self._as_shipped,
            "environment": environment,
            "marks": str(self._marks),
            "seconds": 0.02,
            "letter_lease": 3.0,
        }
        with self.log.open("ab") as log:
            member.process = self._run(json.dumps(wishes), log)

    @staticmethod
    def _run(wishes: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.faults.member", wishes],
            cwd=ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def do_harm(self) -> None:
        """Kill one process and put another in its place, or freeze one for a moment, or for too long."""
        member = random.choice(self.members)
        if random.random() < 0.6:
            member.kill()
            self.faults.killed.append(member.role)
            self._start(member)
            return
        member.freeze()
        self.faults.frozen.append(member.role)
        threading.Event().wait(random.choice([0.5, 2.0, 5.0]))
        member.thaw()

    def stop(self) -> dict[str, int]:
        """SIGTERM to each; how each ended, by role, if not well. One may still be on its way up."""
        for member in self.members:
            if member.process is not None:
                member.process.send_signal(signal.SIGTERM)
        ends = {}
        for member in self.members:
            if member.process is not None and member.process.wait(40) not in {0, -signal.SIGTERM}:
                ends[member.role] = member.process.returncode
        return ends

    def end(self) -> None:
        """Nothing of it is left."""
        for member in self.members:
            member.kill()
