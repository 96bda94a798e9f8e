"""An instance with rows of every kind, made through the app, for tests that keep or move all of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from flask import Flask
from sqlalchemy import insert

from sneaky import conversations, wishlists
from sneaky.access import audit, rate_limits, sessions
from sneaky.access.rate_limits import SIGN_IN_BY_ACCOUNT
from sneaky.app import create_app
from sneaky.core import crypto, key_file, schema
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.settings import EXTENSION, Settings
from sneaky.draws import reveal
from sneaky.exchanges import exclusions, participants
from sneaky.models import (
    ExecutionState,
    JobExecution,
    JobOverride,
    MessageAuthor,
    PrunedRuns,
    RunRequest,
    TokenPurpose,
    Trigger,
    Trouble,
    TroubleKind,
    job_store_table,
)
from sneaky.outbox import links
from sneaky.upkeep.rows import Row
from sneaky.upkeep.snapshots import snapshot
from tests import factories
from tests.draws import drawn

ADDRESS = "Zoë's Mill, 4th floor\n1017 AB Amsterdam"
FIRST = b"1" * 64  # a secret key
MESSAGE = "Do you like gingerbread? 🎄"


def a_full_life() -> list[int]:
    """Exchanges before and after the draw with all that is theirs; the participants of the drawn one."""
    factories.an_exchange()
    exchange_id = factories.an_exchange(budget="12.50")
    people = []
    for number in range(6):
        household = "The Bells" if number > 3 else ""
        people.append(
            participants.add(exchange_id, f"Ann {number}", f"ann{number}@example.org", household=household)
        )
    exclusions.exclude(exchange_id, people[0], people[1], is_mutual=True)
    wishlists.add(people[1], "Gingerbread", url="https://example.org/ginger", note="mild")
    participants.set_postal_address(people[2], ADDRESS)
    drawn.draw(exchange_id)
    reveal.reveal(people[0])
    conversations.write(people[0], MessageAuthor.GIVER, MESSAGE)
    with transaction():
        links.mint(TokenPurpose.SIGN_IN, lifetime=timedelta(minutes=15), participant_id=people[0])
    sessions.rotate(None, participant_id=people[0], data={"csrf_token": "x"})
    rate_limits.hit(SIGN_IN_BY_ACCOUNT, "olga@example.org")
    audit.note("draw.conducted", exchange_id=exchange_id, participants=6)
    _of_the_clock()
    return people


def _of_the_clock() -> None:
    """Rows that only the clock and admins write."""
    with transaction() as session:
        session.execute(
            insert(job_store_table).values(id="x", next_run_time=1798761600.25, job_state=b"\x80\x00")
        )
        session.add(JobOverride(job_id="purge_old_exchanges", schedule=None, changed_at=now()))
        session.add(Trouble(kind=TroubleKind.FAILED, subject="purge_old_exchanges", opened_at=now()))
        session.add(PrunedRuns(job="purge_old_exchanges", state=ExecutionState.FAILED, runs=3, seconds=0.1))
        session.add(RunRequest(job_id="purge_old_exchanges", trigger=Trigger.MANUAL, requested_at=now()))
        session.add(
            JobExecution(
                job_id="purge_old_exchanges",
                slot=now(),
                trigger=Trigger.CLOCK,
                state=ExecutionState.SUCCEEDED,
                started_at=now(),
                finished_at=now(),
                duration=0.1,
                counts={"exchanges": 1},
                instance="test",
            )
        )


def settings_of(app: Flask) -> Settings:
    """The settings that an app was made with."""
    found: Settings = app.extensions[EXTENSION]
    return found


def following(app: Flask) -> Path:
    """Let the app follow a key file with one key, as one that starts without SNEAKY_SECRET_KEY does."""
    here = settings_of(app)
    file = here.data_dir / key_file.NAME
    key_file.write(file, [FIRST])
    app.extensions[EXTENSION] = replace(here, secret_key=FIRST, key_file=file)
    crypto.init_app(app, settings_of(app))
    return file


def elsewhere(here: Settings, folder: Path, database_url: str = "", **changes: object) -> Settings:
    """Settings of another host: its own folder and database, the same secret key."""
    folder.mkdir(exist_ok=True)
    values = {
        "data_dir": folder,
        "database_url": database_url or f"sqlite:///{folder / 'sneaky.db'}",
        "mail_url": f"file:{folder / 'letters'}",
    }
    return replace(here, **(values | changes))  # type: ignore[arg-type]


def contents(settings: Settings) -> dict[str, list[Row]]:
    """Every row of every table of the database that the settings name."""
    with schema.connected(settings.database_url) as engine, snapshot(engine) as found:
        return {table: list(found.rows(table)) for table in found.columns}


@contextmanager
def running(settings: Settings) -> Iterator[Flask]:
    """An app on these settings, in its context, while the test's own app is left alone."""
    app = create_app(settings)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()
