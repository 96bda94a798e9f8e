"""What an admin may do to a job: run it now, pause it, let it go on, move its schedule."""

from __future__ import annotations

from collections.abc import Mapping

from sneaky.access import audit
from sneaky.core.db import transaction
from sneaky.core.errors import NotFound
from sneaky.executions import overrides, requests
from sneaky.jobs import schedules
from sneaky.jobs.timetable import RECURRING, Timed
from sneaky.jobs.work import resolve

_RECURRING = {timed.id: timed for timed in RECURRING}


def recurring(job_id: str) -> Timed:
    """The recurring job of this id. Raises `NotFound`."""
    timed = _RECURRING.get(job_id)
    if timed is None:
        raise NotFound
    return timed


def as_number(field: str) -> int:
    """The number an admin sets for a cron field: n of `*/n`, 1 of `*`, else the field itself."""
    return int(field.removeprefix("*").removeprefix("/") or 1)


def run_now(job_id: str, *, organizer_id: int) -> str:
    """Ask for a run of a job; returns the public id under which request and run are found.

    Raises `NotFound` for a job that this version does not know.
    """
    resolve(job_id)
    with transaction():
        audit.note("job.run_asked", organizer_id=organizer_id, job=job_id)
        return requests.ask(job_id, organizer_id=organizer_id)


def set_paused(job_id: str, is_paused: bool, *, organizer_id: int) -> None:
    """Pause a recurring job or let it go on; missed runs are not made up for. Raises `NotFound`."""
    recurring(job_id)
    with transaction():
        audit.note("job.paused" if is_paused else "job.resumed", organizer_id=organizer_id, job=job_id)
        overrides.set_paused(job_id, is_paused, organizer_id=organizer_id)


def reschedule(job_id: str, wanted: Mapping[str, object], *, organizer_id: int) -> None:
    """Give a recurring job other cron fields, each within its bounds; the timetable's own end the change.

    Raises `NotFound`, and `RuleBroken` with the field, saying what is possible.
    """
    timed = recurring(job_id)
    numbers = schedules.checked(timed, wanted)
    is_usual = all(number == as_number(str(timed.fields[name])) for name, number in numbers.items())
    with transaction():
        audit.note("job.rescheduled", organizer_id=organizer_id, job=job_id, **numbers)
        overrides.set_schedule(job_id, None if is_usual else numbers, organizer_id=organizer_id)
