"""The timetable, as plain data: each job with its schedule, the bounds for changes, and its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True)
class Within:
    """A cron field that may be any whole number from `least` to `most`."""

    least: int
    most: int


@dataclass(frozen=True)
class Steps:
    """A cron field that repeats every n units; the steps listed divide their hour or minute evenly."""

    allowed: tuple[int, ...]


Bound = Within | Steps


@dataclass(frozen=True)
class Timed:
    """One job. `fields` are cron fields in UTC, `*/n` meaning every n units; none: it has its own dates.

    A tick only looks whether there is work: it has no slot, is never caught up, and leaves a row only when it
    worked. At `soft_limit` a run stops between two batches, and the next run goes on; at `hard_limit` it is
    taken for hung. `pool` names the threads it runs on, `at_once` how many of it may.
    """

    id: str
    title: str
    fields: Mapping[str, int | str] = field(default_factory=dict)
    bounds: Mapping[str, Bound] = field(default_factory=dict)
    soft_limit: timedelta = timedelta(minutes=10)
    hard_limit: timedelta = timedelta(hours=2)
    is_tick: bool = False
    pool: str = "default"
    at_once: int = 1


_ANY_TIME = {"hour": Within(0, 23), "minute": Within(0, 59)}

RECURRING = (
    Timed(
        "auto_complete_exchanges",
        "Complete exchanges whose date has passed",
        {"hour": 0, "minute": 0, "second": 0},
        _ANY_TIME,
    ),
    Timed(
        "purge_old_exchanges",
        "Warn about and erase old exchanges",
        {"hour": 2, "minute": 0, "second": 0},
        _ANY_TIME,
    ),
    Timed(
        "cleanup_expired_tokens",
        "Delete expired and used links",
        {"hour": "*", "minute": 0, "second": 0},
        {"hour": Steps((1, 2, 3, 4, 6, 8, 12)), "minute": Within(0, 59)},
    ),
    Timed(
        "cleanup_expired_sessions",
        "Delete expired sessions",
        {"hour": 3, "minute": 0, "second": 0},
        _ANY_TIME,
    ),
    Timed(
        "cleanup_expired_rate_limits",
        "Delete expired rate limits",
        {"hour": 4, "minute": 0, "second": 0},
        _ANY_TIME,
    ),
    Timed(
        "prune_job_history",
        "Delete old runs and settled letters",
        {"hour": 4, "minute": 30, "second": 0},
        _ANY_TIME,
    ),
    Timed(
        "send_due_reminders",
        "Look for reminders that are due and not sent",
        {"minute": "*", "second": 0},
        {"minute": Steps((1, 2, 3, 4, 5))},
        soft_limit=timedelta(seconds=50),
        hard_limit=timedelta(minutes=30),
        is_tick=True,
    ),
    Timed(
        "deliver_letters",
        "Send the letters that wait in the outbox",
        {"second": "*/10"},
        {"second": Steps((5, 10, 15, 20, 30))},
        soft_limit=timedelta(seconds=60),
        hard_limit=timedelta(minutes=30),
        is_tick=True,
        pool="letters",
        at_once=2,
    ),
)

REMINDER = Timed(
    "send_reminder_for_exchange",
    "Remind the people of one exchange",
    soft_limit=timedelta(minutes=5),
    hard_limit=timedelta(minutes=30),
)

DRAWING = Timed(
    "draw_names",
    "Draw the names of a large exchange",
    soft_limit=timedelta(minutes=5),
    hard_limit=timedelta(minutes=30),
)

BY_ID = {timed.id: timed for timed in (*RECURRING, REMINDER, DRAWING)}
