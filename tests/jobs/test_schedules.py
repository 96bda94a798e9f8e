"""Schedules in words, and what an admin may make of them."""

from __future__ import annotations

import pytest

from sneaky import jobs
from sneaky.core.errors import RuleBroken
from sneaky.jobs import schedules
from sneaky.jobs.timetable import BY_ID, RECURRING
from sneaky.jobs.work import WORKS


@pytest.mark.parametrize(
    ("job_id", "words"),
    [
        ("auto_complete_exchanges", "every day at 00:00 UTC"),
        ("purge_old_exchanges", "every day at 02:00 UTC"),
        ("cleanup_expired_tokens", "every hour at :00"),
        ("cleanup_expired_sessions", "every day at 03:00 UTC"),
        ("cleanup_expired_rate_limits", "every day at 04:00 UTC"),
        ("prune_job_history", "every day at 04:30 UTC"),
        ("send_due_reminders", "every minute"),
        ("deliver_letters", "every 10 seconds"),
        ("send_reminder_for_exchange", "at dates of its own"),
    ],
)
def test_the_timetable_is_as_designed(job_id: str, words: str) -> None:
    assert schedules.in_words(schedules.cron_fields(BY_ID[job_id])) == words


@pytest.mark.parametrize("timed", RECURRING, ids=lambda timed: timed.id)
def test_every_job_of_the_timetable_is_a_function_of_its_name(timed: object) -> None:
    job_id = timed.id  # type: ignore[attr-defined]
    assert callable(getattr(jobs, job_id))
    assert WORKS[job_id].name == job_id
    assert getattr(jobs, job_id).__doc__


@pytest.mark.parametrize(
    ("job_id", "wanted", "words"),
    [
        ("purge_old_exchanges", {"hour": "5", "minute": 30}, "every day at 05:30 UTC"),
        ("purge_old_exchanges", {"minute": 59}, "every day at 02:59 UTC"),
        ("cleanup_expired_tokens", {"hour": 6, "minute": "15"}, "every 6 hours at :15"),
        ("send_due_reminders", {"minute": 5}, "every 5 minutes"),
        ("deliver_letters", {"second": 30}, "every 30 seconds"),
    ],
)
def test_a_schedule_moves_within_its_bounds(job_id: str, wanted: dict[str, object], words: str) -> None:
    numbers = schedules.checked(BY_ID[job_id], wanted)
    assert schedules.in_words(schedules.cron_fields(BY_ID[job_id], numbers)) == words


def test_what_another_release_let_an_admin_change_is_no_obstacle_to_this_one() -> None:
    kept = schedules.cron_fields(BY_ID["purge_old_exchanges"], {"second": 10, "hour": 5})
    assert schedules.in_words(kept) == "every day at 05:00 UTC"


@pytest.mark.parametrize(
    ("job_id", "wanted", "field", "message"),
    [
        ("purge_old_exchanges", {"hour": 24}, "hour", "Please give the hour as a whole number from 0 to 23."),
        ("purge_old_exchanges", {"minute": "*/5"}, "minute", "as a whole number from 0 to 59"),
        ("purge_old_exchanges", {"second": 1}, "second", "Of this job you can change: hour, minute."),
        ("cleanup_expired_tokens", {"hour": 5}, "hour", "every 1, 2, 3, 4, 6, 8, 12 hours"),
        ("deliver_letters", {"second": 1}, "second", "every 5, 10, 15, 20, 30 seconds"),
        ("send_reminder_for_exchange", {"hour": 1}, "hour", "The schedule of this job cannot be changed."),
        ("deliver_letters", {}, None, "which part of the schedule"),
    ],
)
def test_outside_its_bounds_it_says_what_is_possible(
    job_id: str, wanted: dict[str, object], field: str | None, message: str
) -> None:
    with pytest.raises(RuleBroken, match=message.replace("*", r"\*")) as refusal:
        schedules.checked(BY_ID[job_id], wanted)
    assert refusal.value.field == field
