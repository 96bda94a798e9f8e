"""What an admin may do to a job and its runs, from a page or a shell; each leaves a line in the audit trail.

`organizer_id` says who it was; a shell has none.
"""

from __future__ import annotations

from collections.abc import Mapping

from sneaky.access import audit
from sneaky.core.db import transaction
from sneaky.core.errors import NotFound
from sneaky.executions import overrides, requests
from sneaky.executions.overrides import Override
from sneaky.jobs import schedules
from sneaky.jobs.timetable import DRAWING, RECURRING, Timed
from sneaky.jobs.work import resolve

_RECURRING = {timed.id: timed for timed in RECURRING}


def recurring(job_id: str) -> Timed:
    """The recurring job of this id. Raises `NotFound`."""
    timed = _RECURRING.get(job_id)
    if timed is None:
        raise NotFound
    return timed


def run_now(job_id: str, *, organizer_id: int | None = None) -> str:
    """Ask for a run of a job; returns the public id under which request and run are found.

    Raises `NotFound` for a job that this version does not know, and for a draw: only the organizer of an
    exchange asks for its draw.
    """
    if not can_run_now(job_id):
        raise NotFound
    with transaction():
        audit.note("job.run_asked", organizer_id=organizer_id, job=job_id)
        return requests.ask(job_id, organizer_id=organizer_id)


def can_run_now(job_id: str) -> bool:
    """Whether an admin may ask for a run of this job. Raises `NotFound`."""
    return resolve(job_id)[0].timed is not DRAWING


def stop_run(public_id: str, *, organizer_id: int | None = None) -> None:
    """Ask a run to stop after its current batch. Raises `NotFound`, or `RuleBroken` once it has ended."""
    with transaction():
        requests.stop(public_id)
        audit.note("job.stop_asked", organizer_id=organizer_id, run=public_id)


def retry_run(public_id: str, *, organizer_id: int | None = None) -> str:
    """Ask for a run that failed to be made again, as a new run; returns the public id of the request.

    Raises `NotFound`, and `RuleBroken` for a run that did not fail.
    """
    with transaction():
        again = requests.retry(public_id, organizer_id=organizer_id)
        audit.note("job.retry_asked", organizer_id=organizer_id, run=public_id)
        return again


def set_paused(job_id: str, is_paused: bool, *, organizer_id: int | None = None) -> None:
    """Pause a recurring job or let it go on; missed runs are not made up for. Raises `NotFound`."""
    recurring(job_id)
    with transaction():
        audit.note("job.paused" if is_paused else "job.resumed", organizer_id=organizer_id, job=job_id)
        overrides.set_paused(job_id, is_paused, organizer_id=organizer_id)


def reschedule(job_id: str, wanted: Mapping[str, object], *, organizer_id: int | None = None) -> None:
    """Give a recurring job other cron fields, each within its bounds; those not named stay as they are.

    The timetable's own numbers end the change. Raises `NotFound`, and `RuleBroken` with the field, saying
    what is possible.
    """
    timed = recurring(job_id)
    numbers = schedules.checked(timed, wanted)
    with transaction():
        changed = overrides.all_of_them().get(job_id, Override()).schedule | numbers
        is_usual = all(number == usual_numbers(timed)[name] for name, number in changed.items())
        audit.note("job.rescheduled", organizer_id=organizer_id, job=job_id, **numbers)
        overrides.set_schedule(job_id, None if is_usual else changed, organizer_id=organizer_id)


def usual_numbers(timed: Timed) -> dict[str, int]:
    """The timetable's own numbers of the fields that an admin may change."""
    return {name: as_number(str(timed.fields[name])) for name in timed.bounds}


def as_number(field: str) -> int:
    """The number an admin sets for a cron field: n of `*/n`, 1 of `*`, else the field itself."""
    return int(field.removeprefix("*").removeprefix("/") or 1)
