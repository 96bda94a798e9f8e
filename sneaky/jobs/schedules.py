"""Schedules: what an admin may set, as cron fields, and in words."""

from __future__ import annotations

from collections.abc import Mapping

from sneaky.core.errors import RuleBroken, words
from sneaky.jobs.timetable import Bound, Steps, Timed

_PARTS = {"hour": words("the hour"), "minute": words("the minute"), "second": words("the second")}
_UNITS = {"hour": words("hours"), "minute": words("minutes"), "second": words("seconds")}


def checked(timed: Timed, wanted: Mapping[str, object]) -> dict[str, int]:
    """The fields an admin wants to change, as whole numbers; a step field's number n means every n units.

    Raises `RuleBroken`, with the field, for anything outside the job's bounds, saying what is possible.
    """
    if not wanted:
        raise RuleBroken("Please say which part of the schedule to change.")
    return {name: _checked(timed, name, value) for name, value in wanted.items()}


def cron_fields(timed: Timed, override: Mapping[str, int] | None = None) -> dict[str, str]:
    """The cron fields in force: the timetable's, with the admin's in their place.

    What an admin changed under another release, and this one does not let them, is left out.
    """
    fields = {name: str(value) for name, value in timed.fields.items()}
    for name, value in (override or {}).items():
        if name not in timed.bounds:
            continue
        fields[name] = f"*/{value}" if isinstance(timed.bounds[name], Steps) else str(value)
    return fields


def in_words(fields: Mapping[str, str]) -> str:
    """Cron fields as a sentence, such as “every day at 02:00 UTC”."""
    hour, minute, second = (fields.get(name, "*") for name in ("hour", "minute", "second"))
    if not fields:
        return "at dates of its own"
    if second.startswith("*"):
        return _repeats(second, "second")
    if minute.startswith("*"):
        return _repeats(minute, "minute")
    if hour.startswith("*"):
        return f"{_repeats(hour, 'hour')} at :{int(minute):02d}"
    return f"every day at {int(hour):02d}:{int(minute):02d} UTC"


def _repeats(field: str, unit: str) -> str:
    step = int(field.removeprefix("*").removeprefix("/") or 1)
    return f"every {unit}" if step == 1 else f"every {step} {unit}s"


def _checked(timed: Timed, name: str, value: object) -> int:
    bound = timed.bounds.get(name)
    if bound is None:
        if not timed.bounds:
            raise RuleBroken("The schedule of this job cannot be changed.", field=name)
        possible = ", ".join(timed.bounds)
        raise RuleBroken("Of this job you can change: %(possible)s.", possible=possible, field=name)
    try:
        number = int(str(value))
    except ValueError:
        number = -1
    allowed = bound.allowed if isinstance(bound, Steps) else range(bound.least, bound.most + 1)
    if number not in allowed:
        raise _impossible(name, bound)
    return number


def _impossible(name: str, bound: Bound) -> RuleBroken:
    if isinstance(bound, Steps):
        steps = ", ".join(map(str, bound.allowed))
        return RuleBroken(
            "It can run every %(steps)s %(unit)s. Please choose one of these.",
            steps=steps,
            unit=_UNITS[name],
            field=name,
        )
    return RuleBroken(
        "Please give %(part)s as a whole number from %(least)s to %(most)s.",
        part=_PARTS[name],
        least=bound.least,
        most=bound.most,
        field=name,
    )
