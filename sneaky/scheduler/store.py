"""The job store: holds names and ids only, imports nothing on the say-so of a row, and deletes nothing."""

from __future__ import annotations

import hashlib
import io
import logging
import pickle
from datetime import datetime
from typing import Any

from apscheduler.job import Job
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.util import datetime_to_utc_timestamp
from sqlalchemy import Engine, Row, select

from sneaky.jobs.work import WORKS
from sneaky.scheduler.triggers import last_slot

logger = logging.getLogger(__name__)

FIRE = "sneaky.scheduler.fire:fire"
PARKED = "parked:"
_POOLS = frozenset({"default", "letters"})
_AT_ONCE = 500
_ID_LENGTH = 191
_SAFE = {
    "datetime": {"datetime", "timedelta", "timezone"},
    "apscheduler.triggers.cron": {"CronTrigger"},
    "apscheduler.triggers.date": {"DateTrigger"},
    "apscheduler.triggers.cron.fields": {
        "BaseField",
        "DayOfMonthField",
        "DayOfWeekField",
        "MonthField",
        "WeekField",
    },
    "apscheduler.triggers.cron.expressions": {"AllExpression", "RangeExpression"},
}


class Unfit(Exception):
    """A stored row that this version cannot run; the message says why."""


class StoredJob(Job):
    """A job read from the store; however many of its run times were missed, only the last one counts."""

    __slots__ = ()

    def _get_run_times(self, now: datetime) -> list[datetime]:
        if self.next_run_time is None or self.next_run_time > now:
            return []
        if isinstance(self.trigger, CronTrigger):
            return [max(self.next_run_time, last_slot(self.trigger, now) or self.next_run_time)]
        return [self.next_run_time]


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name not in _SAFE.get(module, ()):
            raise Unfit(f"it holds {module}.{name}, which no row of ours does")
        return super().find_class(module, name)


def read_state(pickled: bytes) -> dict[str, Any]:
    """The state in a stored row, once its shape is known to be ours: the one function, a name, ids.

    Nothing that the row names is imported before. Raises `Unfit` with the reason.
    """
    try:
        state = _Unpickler(io.BytesIO(pickled)).load()
    except Unfit:
        raise
    except Exception as error:
        raise Unfit(f"it cannot be read ({type(error).__name__})") from error
    if not isinstance(state, dict) or state.get("version") != 1 or state.get("func") != FIRE:
        raise Unfit("it names another function than ours")
    args = state.get("args")
    if (
        not isinstance(args, tuple)
        or not args
        or not isinstance(args[0], str)
        or not all(type(item) is int for item in args[1:])
        or state.get("kwargs") != {}
    ):
        raise Unfit("its arguments are not the name of a job and ids")
    if state.get("executor") not in _POOLS or not isinstance(
        state.get("trigger"), (CronTrigger, DateTrigger)
    ):
        raise Unfit("its schedule is of another kind than ours")
    return state


class CarefulJobStore(SQLAlchemyJobStore):
    """APScheduler's table, read with care: a row that cannot run is parked, shown and kept."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine=engine, tablename="apscheduler_jobs")

    def get_due_jobs(self, now: datetime) -> list[Job]:
        """The jobs that are due, earliest first, a few hundred at most."""
        return self._get_jobs(self.jobs_t.c.next_run_time <= datetime_to_utc_timestamp(now), limit=_AT_ONCE)

    def lookup_job(self, job_id: str) -> Job | None:
        """One job; None where there is none that can run."""
        found = self._get_jobs(self.jobs_t.c.id == job_id)
        return found[0] if found else None

    def add_job(self, job: Job) -> None:
        """Store a job; refuses any but a name with ids, since nothing else survives a release."""
        self._check(job)
        super().add_job(job)

    def update_job(self, job: Job) -> None:
        """Store the changed state of a job, under the same rule."""
        self._check(job)
        super().update_job(job)

    def row(self, job: Job) -> dict[str, Any]:
        """The columns that hold `job`, for writing many in one transaction with what they mirror."""
        return {
            "id": job.id,
            "next_run_time": datetime_to_utc_timestamp(job.next_run_time),
            "job_state": pickle.dumps(job.__getstate__(), self.pickle_protocol),
        }

    def advance(self, job_id: str, slot: datetime, at: datetime) -> None:
        """Move a job on to its next run time, or remove it after its last; unless it was moved meanwhile."""
        job = self.lookup_job(job_id)
        if job is None:
            return
        following = job.trigger.get_next_fire_time(slot, at)
        table = self.jobs_t
        unmoved = (table.c.id == job_id) & (table.c.next_run_time <= datetime_to_utc_timestamp(slot))
        with self.engine.begin() as connection:
            if following is None:
                connection.execute(table.delete().where(unmoved))
            else:
                job._modify(next_run_time=following)
                connection.execute(table.update().where(unmoved).values(self.row(job)))

    def unpark(self) -> list[str]:
        """Bring back every parked row that this version can run; returns their job ids."""
        back = []
        table = self.jobs_t
        with self.engine.begin() as connection:
            parked = select(table).where(
                table.c.next_run_time.is_(None), table.c.id.startswith(PARKED, autoescape=True)
            )
            for row in connection.execute(parked).all():
                try:
                    job = self._reconstitute_job(row.job_state)
                except Unfit:
                    continue
                if connection.scalar(select(table.c.id).where(table.c.id == job.id)) is not None:
                    continue
                connection.execute(
                    table.update()
                    .where(table.c.id == row.id)
                    .values(id=job.id, next_run_time=datetime_to_utc_timestamp(job.next_run_time))
                )
                back.append(str(job.id))
        return back

    def _check(self, job: Job) -> None:
        try:
            read_state(pickle.dumps(job.__getstate__(), self.pickle_protocol))
        except Unfit as unfit:
            raise ValueError(f"{job.id} cannot be stored: {unfit}; schedule {FIRE} with a name") from unfit

    def _reconstitute_job(self, job_state: bytes) -> Job:
        state = read_state(job_state)
        if state["args"][0] not in WORKS:
            raise Unfit(f"this version has no job called {state['args'][0]}")
        job = StoredJob.__new__(StoredJob)
        job.__setstate__(state)
        job._scheduler = self._scheduler
        job._jobstore_alias = self._alias
        return job

    def _get_jobs(self, *conditions: Any, limit: int | None = None) -> list[Job]:
        table = self.jobs_t
        wanted = (
            select(table.c.id, table.c.job_state)
            .where(~table.c.id.startswith(PARKED, autoescape=True), *conditions)
            .order_by(table.c.next_run_time)
            .limit(limit)
        )
        with self.engine.begin() as connection:
            rows = connection.execute(wanted).all()
        jobs, unfit = [], []
        for row in rows:
            try:
                jobs.append(self._reconstitute_job(row.job_state))
            except Unfit as why:
                unfit.append((row, str(why)))
        for row, reason in unfit:
            self._park(row, reason)
        return jobs

    def _park(self, row: Row[Any], reason: str) -> None:
        """Move a row out of the way, under another id and without a run time; its content stays as it is."""
        logger.error("stored job parked", extra={"job": row.id, "reason": reason})
        table = self.jobs_t
        digest = hashlib.sha256(row.job_state).hexdigest()[:12]
        parked_id = f"{PARKED}{digest}:{row.id}"[:_ID_LENGTH]
        with self.engine.begin() as connection:
            connection.execute(
                table.update()
                .where(table.c.id == row.id, table.c.job_state == row.job_state)
                .values(id=parked_id, next_run_time=None)
            )
