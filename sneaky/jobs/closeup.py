"""One job from close up, recurring or the reminder of one exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sneaky.executions import health, requests, runs
from sneaky.executions.runs import RunRow
from sneaky.jobs.overview import JobLine, jobs_overview
from sneaky.jobs.schedules import cron_fields
from sneaky.jobs.steering import can_run_now, usual_numbers
from sneaky.jobs.timetable import BY_ID
from sneaky.jobs.work import resolve


@dataclass(frozen=True)
class CloseUp:
    """A job with its last runs, newest first. `line` and what is usual are there for recurring jobs only.

    `waiting` is the public id of a request for a run that nobody took up yet, or empty.
    """

    id: str
    line: JobLine | None
    usual_fields: Mapping[str, str]
    usual_numbers: Mapping[str, int]
    next_run_at: datetime | None
    running: RunRow | None
    last_runs: list[RunRow]
    waiting: str
    can_run_now: bool


def close_up(job_id: str, last_runs: int) -> CloseUp:
    """A job with its last runs. Raises `NotFound` for one that this version does not know."""
    work, _ids = resolve(job_id)
    line = next((line for line in jobs_overview().jobs if line.id == job_id), None)
    timed = BY_ID[work.name]
    return CloseUp(
        job_id,
        line,
        cron_fields(timed) if line else {},
        usual_numbers(timed),
        health.next_runs([job_id]).get(job_id),
        runs.running().get(job_id),
        runs.latest([job_id], last_runs).get(job_id, [])[::-1],
        next((asked.public_id for asked in requests.waiting() if asked.job_id == job_id), ""),
        can_run_now(job_id),
    )
