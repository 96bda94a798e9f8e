"""What a job is made of: its body, its ids, and the run that the body holds in its hands."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypeVar

from sneaky.core.clock import monotonic, now
from sneaky.core.errors import NotFound, words
from sneaky.core.log import shorten
from sneaky.jobs.retrying import patiently
from sneaky.jobs.timetable import Timed
from sneaky.models import Trigger

Result = TypeVar("Result")
Body = Callable[..., None]

_LONGEST_LOG = 20_000
_ID = "([0-9]{1,18})"  # what fits into a column of any database


class Stop(Enum):
    """Why a run stops between two batches, as its history tells it."""

    ASKED = words("stopped on request")
    LIMIT = words("reached its time limit; the next run goes on")
    SHUTDOWN = words("the process stops; the next leader goes on")


class Stopped(Exception):
    """Raised by `Run.checkpoint`, through the job's body, to end the run between two batches."""

    def __init__(self, why: Stop) -> None:
        super().__init__(why.value)
        self.why = why


class Skipped(Exception):
    """Raised by a body that finds nothing it should do; the message is the reason."""


@dataclass(frozen=True)
class Work:
    """A job that can be run: its line of the timetable, its body, and how its ids make a job id."""

    timed: Timed
    body: Body
    id_form: str = ""

    @property
    def name(self) -> str:
        """The name it is stored and called by."""
        return self.timed.id

    def job_id(self, *ids: int) -> str:
        """The job id under which a run with these ids is scheduled and recorded."""
        return self.id_form.format(*ids) if ids else self.name

    def ids_of(self, job_id: str) -> tuple[int, ...] | None:
        """The ids in a job id of this job; None where it belongs to another job."""
        form = re.escape(self.id_form or self.name).replace(r"\{\}", _ID)
        match = re.fullmatch(form, job_id)
        return tuple(map(int, match.groups())) if match else None


WORKS: dict[str, Work] = {}


def resolve(job_id: str) -> tuple[Work, tuple[int, ...]]:
    """The job and the ids behind a job id. Raises `NotFound` for one that this version does not know."""
    for work in WORKS.values():
        ids = work.ids_of(job_id)
        if ids is not None:
            return work, ids
    raise NotFound("There is no job called %(job_id)s.", job_id=job_id)


class Run:
    """One run as its body sees it: its slot, what it counts, and where it may be stopped."""

    def __init__(
        self,
        timed: Timed,
        slot: datetime,
        trigger: Trigger,
        *,
        counts: dict[str, int] | None = None,
        stopping: threading.Event | None = None,
        save: Callable[[dict[str, object]], bool] | None = None,
    ) -> None:
        self.slot = slot
        self.trigger = trigger
        self.counts = dict(counts or {})
        self.total: int | None = None
        self.began = monotonic()
        self._soft_limit = timed.soft_limit.total_seconds()
        self._stopping = stopping or threading.Event()
        self._save = save
        self._is_asked_to_stop = False
        self._lines: list[str] = []

    @property
    def done(self) -> int:
        """How many things were done so far, of all kinds."""
        return sum(self.counts.values())

    @property
    def log(self) -> str:
        """The notes so far, one a line."""
        return "\n".join(self._lines)[-_LONGEST_LOG:]

    def progress(self) -> dict[str, object]:
        """What is stored between batches, as columns."""
        return {"counts": self.counts, "done": self.done, "total": self.total, "log": self.log}

    def count(self, what: str, number: int = 1) -> None:
        """Add to what the run reports in the end."""
        self.counts[what] = self.counts.get(what, 0) + number

    def note(self, text: str) -> None:
        """Add a line to the run's log, which admins read; no names and addresses."""
        self._lines.append(f"{now():%H:%M:%S} {shorten(text)}")

    def step(self, action: Callable[[], Result]) -> Result:
        """Do one step that may be repeated, again after transient errors."""
        return patiently(action, stopping=self._stopping)

    def batches(self, what: str, batch: Callable[[], int]) -> None:
        """Repeat `batch`, one short transaction that says how many things it did, until it finds nothing."""
        while done := self.step(batch):
            self.count(what, done)
            self.checkpoint()

    def pause(self, seconds: float) -> None:
        """Wait, at most until the process stops."""
        self._stopping.wait(seconds)

    def should_stop(self) -> bool:
        """Whether to begin nothing new: shut down, asked to stop, or out of time."""
        return self._why() is not None

    def checkpoint(self) -> None:
        """Store the progress, keep the claim, and raise `Stopped` where the run shall end here.

        Raises `LeaseLost` where another process has taken the run over.
        """
        if self._save is not None:
            self._is_asked_to_stop = self.step(lambda: self._save_now())
        if why := self._why():
            raise Stopped(why)

    def _save_now(self) -> bool:
        return self._save(self.progress()) if self._save is not None else False

    def _why(self) -> Stop | None:
        if self._stopping.is_set():
            return Stop.SHUTDOWN
        if self._is_asked_to_stop:
            return Stop.ASKED
        return Stop.LIMIT if monotonic() - self.began >= self._soft_limit else None
