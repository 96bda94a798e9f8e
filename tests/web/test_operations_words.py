"""How jobs, runs and letters are told: in words, in the reader's language, for every kind there is."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime

import pytest
from flask_babel import force_locale

from sneaky.executions import runs
from sneaky.jobs.schedules import cron_fields, in_words
from sneaky.jobs.timetable import BY_ID, RECURRING, Steps, Timed
from sneaky.models import ExecutionState, LetterKind, Trigger, TroubleKind
from sneaky.upkeep.filling import COPIED, RESTORED
from sneaky.upkeep.keys import ROTATED
from sneaky.web.operations import audit_words, words
from tests.clock_factories import a_failed_run, a_run
from tests.house.source import modules

pytestmark = pytest.mark.usefixtures("app")


def test_every_job_trigger_trouble_and_letter_has_its_words() -> None:
    for job_id in BY_ID:
        assert words.job_name(job_id) != job_id
        assert words.job_purpose(job_id).endswith(".")
    told = [words.letter_words(kind) for kind in LetterKind]
    assert len(set(told)) == len(told)
    assert all(words.trigger_words(trigger) for trigger in Trigger)
    assert all(words.trouble_words(kind) for kind in TroubleKind)


def test_a_reminder_of_one_exchange_is_called_by_its_job_and_a_stranger_by_its_id() -> None:
    assert words.job_name("reminder_exchange_4_days_7") == "Remind one exchange"
    assert words.job_name("bake_cookies") == "bake_cookies"
    assert words.job_purpose("bake_cookies") == ""


@pytest.mark.parametrize("timed", RECURRING, ids=lambda timed: timed.id)
def test_pages_and_commands_tell_a_schedule_alike(timed: Timed) -> None:
    assert words.schedule(cron_fields(timed)) == in_words(cron_fields(timed))
    steps = {name: bound.allowed[1] for name, bound in timed.bounds.items() if isinstance(bound, Steps)}
    assert words.schedule(cron_fields(timed, steps)) == in_words(cron_fields(timed, steps))


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, ""),
        (0.0004, "0 ms"),
        (0.0123, "12 ms"),
        (1.44, "1.4s"),
        (59.99, "60s"),
        (60, "1 min"),
        (83, "1 min 23s"),
        (7205, "2 hr 5s"),
    ],
)
def test_a_duration_has_the_unit_that_suits_it(seconds: float | None, told: str) -> None:
    assert words.took(seconds) == told


def test_numbers_follow_the_language() -> None:
    with force_locale("de"):
        assert words.took(1.44).startswith("1,4")
        assert words.number(8200) == "8.200"


def test_what_a_run_did_is_counted_and_nothing_is_not() -> None:
    assert words.counted({"letters": 1, "reminders": 2, "dead": 0}) == "1 letter, 2 reminders"
    assert words.counted({"cookies": 3}) == "3 cookies"
    assert words.counted({}) == ""


def test_everything_that_a_job_counts_has_its_words_in_german() -> None:
    jobs = "\n".join(module.text for module in modules("sneaky/jobs"))
    counted = set(re.findall(r'run\.(?:count|batches)\("([a-z ]+)"', jobs))
    assert "audit lines" in counted
    with force_locale("de"):
        assert [what for what in sorted(counted) if words.counted({what: 2}) == f"2 {what}"] == []


def test_bars_stand_for_runs_that_ended_and_name_the_failed_ones() -> None:
    at = datetime(2026, 12, 1, 12, tzinfo=UTC)
    a_run(started_at=at)
    a_failed_run(started_at=at.replace(hour=13))
    a_run(started_at=at.replace(hour=14), state=ExecutionState.RUNNING)
    fine, failed = words.bars(runs.latest(["purge_old_exchanges"], 3)["purge_old_exchanges"], "Asia/Tokyo")
    assert fine == words.Bar(12, "Tue 1 Dec 2026, 21:00: 12 ms", is_failed=False)
    assert failed == words.Bar(12, "Tue 1 Dec 2026, 22:00: 12 ms, failed", is_failed=True)


def test_every_entry_of_the_audit_trail_has_its_words() -> None:
    """A new entry fails here until its action and its details have words."""
    calls = [
        node
        for module in modules("sneaky")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("note", "note_refusal", "fill"))
    ]
    actions = {
        str(part.value)
        for call in calls
        for part in ast.walk(call)
        if isinstance(part, ast.Constant) and re.fullmatch(r"[a-z]+\.[a-z_-]+", str(part.value))
    }
    assert len(actions) > 35
    assert actions | {ROTATED, RESTORED, COPIED} == set(audit_words._ACTIONS)
    ours = [call for call in calls if ast.unparse(call.func).startswith("audit.")]
    named = {word.arg for call in ours for word in call.keywords if word.arg}
    assert named - {"organizer_id", "exchange_id"} <= set(audit_words._NAMES)


def test_what_another_version_wrote_into_the_audit_trail_is_spelled_out() -> None:
    with force_locale("de"):
        assert audit_words.action_words("draw.conducted") == "ausgelost"
        assert audit_words.action_words("cookies.baked_again") == "cookies baked again"
        assert audit_words.detail_name("is_admin") == "Admin"
        assert audit_words.detail_name("of_rye") == "of rye"
        assert audit_words.detail_words("expired") == "abgelaufen"
        assert audit_words.detail_words("draw_names") == ""


@pytest.mark.parametrize(
    ("used", "told"),
    [(0, "0 Byte"), (999, "999 Byte"), (516_100, "516,1 kB"), (3_200_000, "3,2 MB"), (4 * 10**9, "4 GB")],
)
def test_room_has_the_unit_that_suits_it(used: int, told: str) -> None:
    with force_locale("de"):
        assert words.size(used).replace("\N{NO-BREAK SPACE}", " ") == told
