"""The purge takes everything: no name and no address is left in the database, its log, or ours."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, make_url, select

from sneaky import conversations, jobs, wishlists
from sneaky.cli.check import findings
from sneaky.core.clock import now
from sneaky.core.db import db
from sneaky.draws import reveal
from sneaky.exchanges import exclusions, lifecycle, participants
from sneaky.models import Exchange, MessageAuthor, Participant
from tests import factories
from tests.draws import drawn
from tests.faults.processes import on_both_in_full, rounds
from tests.upkeep.lives import settings_of

ROOT = Path(__file__).parents[2]
NAMES = ["Quirin", "Xanthippe", "Wenzeslaus", "Philomena", "Ezechiel", "Kunigunde"]
OTHER_SEEDS = ["Zwetschgenhaus", "Nebelhornweg", "Quittenfest", "Lebzelter", "Spekulatius"]
SEEDS = [*NAMES, *(f"{name.lower()}@quux.example" for name in NAMES), *OTHER_SEEDS]


def an_exchange_that_was_lived() -> int:
    """People with wishes, addresses, messages, rules and letters; then it is called off."""
    exchange_id = factories.an_exchange(name="Quittenfest", place="Nebelhornweg 3", message="Lebzelter!")
    people = [
        participants.add(
            exchange_id,
            name,
            f"{name.lower()}@quux.example",
            household="Zwetschgenhaus" if place < 2 else None,
        )
        for place, name in enumerate(NAMES)
    ]
    exclusions.exclude(exchange_id, people[2], people[3], is_mutual=True)
    for person in people:
        wishlists.add(person, "Spekulatius", note="Lebzelter")
        participants.set_postal_address(person, "Nebelhornweg 3")
    drawn.draw(exchange_id)
    jobs.deliver_letters()
    for person in people:
        reveal.reveal(person)
        conversations.write(person, MessageAuthor.GIVER, "Spekulatius?")

    lifecycle.cancel(exchange_id)
    jobs.deliver_letters()
    return exchange_id


def hits(content: bytes) -> list[str]:
    return [seed for seed in SEEDS if seed.encode() in content]


def stored(app: Flask, programs: Path | None) -> bytes:
    """Each byte that the database keeps: SQLite's files, or PostgreSQL's logical dump.

    Another process reads the files: a process that closes one of them loses SQLite's locks on all.
    """
    url = make_url(settings_of(app).database_url)
    command: list[str | Path]
    if programs is None:
        command = ["cat", *settings_of(app).data_dir.glob("sneaky.db*")]
    else:
        address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        command = [programs / "pg_dump", address]
    return subprocess.run(command, capture_output=True, check=True).stdout


@pytest.fixture
def programs(request: pytest.FixtureRequest, any_app: Flask) -> Path | None:
    """PostgreSQL's programs; None on SQLite."""
    if not settings_of(any_app).database_url.startswith("postgresql"):
        return None
    found: Path = request.getfixturevalue("postgres_server").binaries
    return found


def test_nothing_is_left_in_the_database_or_the_logs(
    any_app: Flask, programs: Path | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="sneaky")
    with time_machine.travel(now()) as clock:
        an_exchange_that_was_lived()
        other, people = drawn.a_drawn_exchange(3)
        assert set(hits(stored(any_app, programs))) >= {*NAMES, "Quittenfest", "Spekulatius"}
        clock.shift(timedelta(days=24))
        assert jobs.purge_old_exchanges().counts["warned"] == 1
        clock.shift(timedelta(days=8))
        assert jobs.purge_old_exchanges().counts["erased"] == 1
    db.session.remove()
    assert hits(stored(any_app, programs)) == []
    assert hits(caplog.text.encode()) == []
    assert "erasing exchange" in caplog.text
    assert db.session.scalar(select(func.count()).where(Participant.exchange_id == other)) == len(people)


ERASE = """
import os, signal, sys
from sneaky.app import create_app
from sneaky.exchanges import retention

turns_left = int(sys.argv[2])


def turn(_seconds):
    global turns_left
    turns_left -= 1
    if turns_left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


retention.PEOPLE_AT_ONCE = 1
retention.time.sleep = turn
app = create_app()
with app.app_context():
    retention.erase_now(int(sys.argv[1]))
"""


@on_both_in_full
@pytest.mark.fault
@pytest.mark.timeout(rounds(120, 600))
def test_purge_that_is_killed_goes_on(any_app: Flask, programs: Path | None) -> None:
    other, people = drawn.a_drawn_exchange(3)
    for turn in (3,) if rounds(0, 1) == 0 else range(1, len(NAMES) + 1):
        exchange_id = an_exchange_that_was_lived()
        db.session.remove()
        killed = erasing(any_app, exchange_id, turn)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        left = db.session.scalar(select(func.count()).where(Participant.exchange_id == exchange_id))
        assert left == len(NAMES) - turn
        assert db.session.get(Exchange, exchange_id) is not None
        db.session.remove()
        finished = erasing(any_app, exchange_id, 0)
        assert finished.returncode == 0, finished.stderr
        assert db.session.scalar(select(func.count()).where(Participant.exchange_id == other)) == len(people)
        assert list(findings()) == []
        db.session.remove()
        assert hits(stored(any_app, programs)) == []


def erasing(app: Flask, exchange_id: int, turns: int) -> subprocess.CompletedProcess[str]:
    """Another process erases an exchange, person by person, and is killed after so many (0: never)."""
    here = settings_of(app)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SNEAKY_")}  # noqa: TID251
    environment = inherited | {
        "SNEAKY_DATA_DIR": str(here.data_dir),
        "SNEAKY_DATABASE_URL": here.database_url,
        "SNEAKY_SECRET_KEY": here.secret_key.decode(),
    }
    return subprocess.run(
        [sys.executable, "-c", ERASE, str(exchange_id), str(turns)],
        env=environment,
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
        timeout=100,
    )
