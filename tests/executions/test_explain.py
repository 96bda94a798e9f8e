"""What went wrong, told in words, in the reader's language; what nobody foresaw as it is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask_babel import force_locale

from sneaky.core.clock import now
from sneaky.core.errors import NotFound
from sneaky.executions.explain import explain
from sneaky.executions.health import LeaderView
from sneaky.jobs.work import Stop, resolve

pytestmark = pytest.mark.usefixtures("app")


@pytest.mark.parametrize(
    ("said", "english", "german"),
    [
        ("its process went away 3 times", "went away 3 times, so it was given up", "verschwand 3 Mal"),
        (
            "it hung: not done after 2:00:00",
            "After 2 h 00 min it was still not",
            "Nach 2 Std. 00 Min. war er",
        ),
        ("no run for 2026-12-01 02:00 UTC", "due at 2026-12-01 02:00 UTC", "um 2026-12-01 02:00 UTC fällig"),
        ("running for 900 s, usually 30 s", "for 900 seconds; usually it takes 30", "schon 900 Sekunden"),
        (
            "the database is at revision 1, this version needs 2",
            "the database is at revision 1, this version needs 2",
            "die Datenbank steht auf Revision 1, diese Version braucht 2",
        ),
        (
            "the database does not answer (OperationalError)",
            "the database does not answer (OperationalError)",
            "die Datenbank antwortet nicht (OperationalError)",
        ),
        (
            "no letter can be put into the outbox (InternalError)",
            "no letter can be put into the outbox (InternalError)",
            "kein Brief kann in den Postausgang gelegt werden (InternalError)",
        ),
        (
            "OperationalError: (sqlite3.OperationalError) database is locked\n[SQL: SELECT 1]",
            "The database was busy for too long.",
            "Die Datenbank war zu lange beschäftigt.",
        ),
        (
            "OperationalError: (sqlite3.OperationalError) database or disk is full",
            "There is no room left",
            "ist kein Platz mehr",
        ),
        ("OSError: [Errno 28] No space left on device", "There is no room left", "ist kein Platz mehr"),
        (
            "OperationalError: (sqlite3.OperationalError) attempt to write a readonly database",
            "The data cannot be written.",
            "Die Daten lassen sich nicht schreiben.",
        ),
        (
            "OperationalError: (psycopg.OperationalError) server closed the connection unexpectedly",
            "The database could not be reached.",
            "Die Datenbank war nicht zu erreichen.",
        ),
        ("MemoryError: ", "There was not enough memory.", "Der Arbeitsspeicher hat nicht gereicht."),
        ("KeyboardInterrupt: ", "Somebody ended it at a shell.", "an einer Shell beendet"),
        (Stop.ASKED.value, "stopped on request", "auf Wunsch beendet"),
        ("ValueError: no such cookie", "ValueError: no such cookie", "ValueError: no such cookie"),
        ("", "", ""),
    ],
)
def test_what_went_wrong_is_told_in_both_languages(said: str, english: str, german: str) -> None:
    for language, part in (("en", english), ("de", german)):
        with force_locale(language):
            told = explain(said)
        assert part in told
        assert bool(told) == bool(said)


def test_what_the_clock_and_the_jobs_say_is_understood() -> None:
    late = now() - timedelta(minutes=5)
    with pytest.raises(NotFound) as unknown:
        resolve("bake_100%_cookies")
    with force_locale("de"):
        assert f"war um {late:%F %H:%M}" in explain(LeaderView("somebody", 1, late, late).trouble)
        assert explain(unknown.value.message) == "Eine Aufgabe namens bake_100%_cookies gibt es nicht."
