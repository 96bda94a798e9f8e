"""The jobs as an admin sees them: schedule in words, next run, last runs, paused, parked, overdue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sneaky.core.clock import now
from sneaky.executions import health, overrides, runs
from sneaky.executions.overrides import Override
from sneaky.executions.runs import RunRow
from sneaky.jobs.schedules import cron_fields, in_words
from sneaky.jobs.timetable import RECURRING, Bound, Timed

# A job this late was not looked at by anybody.
OVERDUE_AFTER = timedelta(seconds=60)


@dataclass(frozen=True)
class JobLine:
    """One recurring job."""

    id: str
    title: str
    schedule: str
    fields: Mapping[str, str]
    bounds: Mapping[str, Bound]
    is_tick: bool
    is_paused: bool
    is_changed: bool
    is_overdue: bool
    next_run_at: datetime | None
    last_runs: list[RunRow]
    running: RunRow | None


@dataclass(frozen=True)
class JobsOverview:
    """Every recurring job, and the ids of stored jobs that this version cannot run."""

    jobs: list[JobLine]
    parked: list[str]
    leader: health.LeaderView


def jobs_overview(last_runs: int = 1) -> JobsOverview:
    """Every recurring job with its last runs, oldest first."""
    ids = [timed.id for timed in RECURRING]
    changed, next_runs, last = overrides.all_of_them(), health.next_runs(ids), runs.latest(ids, last_runs)
    running = runs.running()
    jobs = [
        _line(
            timed,
            changed.get(timed.id, Override()),
            next_runs.get(timed.id),
            last.get(timed.id, []),
            running.get(timed.id),
        )
        for timed in RECURRING
    ]
    return JobsOverview(jobs, health.parked_jobs(), health.leader())


def _line(
    timed: Timed,
    override: Override,
    next_run_at: datetime | None,
    last_runs: list[RunRow],
    running: RunRow | None,
) -> JobLine:
    fields = cron_fields(timed, override.schedule)
    return JobLine(
        timed.id,
        timed.title,
        in_words(fields),
        fields,
        timed.bounds,
        timed.is_tick,
        override.is_paused,
        bool(override.schedule),
        next_run_at is not None and now() - next_run_at > OVERDUE_AFTER,
        next_run_at,
        last_runs,
        running,
    )
