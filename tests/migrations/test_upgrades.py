"""Upgrades with data: from every release, by two at once, with the old version still at work."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, inspect, select, text

from sneaky.app import create_app
from sneaky.cli.check import findings
from sneaky.core import schema
from sneaky.core.clock import now
from sneaky.core.db import db
from sneaky.draws.conduct import conduct_draw
from sneaky.exchanges import registration
from sneaky.jobs import auto_complete_exchanges, deliver_letters
from sneaky.models import Exchange, ExchangeState, Letter, LetterState
from tests import factories
from tests.faults.processes import rounds
from tests.house.source import ROOT
from tests.migrations import later, recorded
from tests.migrations.recorded import Recorded


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """A demo instance of the schema of today, which the next release will leave behind."""
    return recorded.demo_at_head(tmp_path_factory.mktemp("demo"))


@contextmanager
def running(url: str, folder: Path) -> Iterator[Flask]:
    """The app on an existing database."""
    app = create_app(recorded.settings_for(url, folder))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def fill(url: str, engine: Engine, folder: Path, rows: Recorded) -> None:
    """Make the empty database one of that release, with its rows."""
    with schema.rebuilding(engine) as connection:
        schema.bring_to(connection, rows.revision)
        recorded.put_in(connection, rows)


@pytest.mark.slow
@pytest.mark.parametrize(
    "file", [None, *recorded.released()], ids=lambda file: file.name if file else "today"
)
def test_an_upgrade_from_each_release_keeps_every_row(
    file: Path | None, url: str, engine: Engine, tmp_path: Path, today: Recorded
) -> None:
    rows = today if file is None else recorded.read(file)
    fill(url, engine, tmp_path, rows)
    schema.upgrade(url, tmp_path)
    after = recorded.rows_of(engine)
    for table, before in rows.rows.items():
        kept = set(after[table][0]) if after.get(table) else set()
        assert len(after.get(table, [])) == len(before), table
        for old, new in zip(before, after.get(table, []), strict=True):
            assert {name: new[name] for name in old if name in kept} == {
                name: value for name, value in old.items() if name in kept
            }
    with running(url, tmp_path):
        assert list(findings()) == []


@pytest.mark.slow
def test_the_old_version_goes_on_while_the_new_one_is_rolled_out(
    url: str, engine: Engine, tmp_path: Path, today: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(url, engine, tmp_path, today)
    with running(url, tmp_path):
        with later_revisions(tmp_path / "later", monkeypatch):
            assert schema.upgrade(url, tmp_path) == (today.revision, later.REVISION)
        assert "carol" in inspect(engine).get_table_names()
        old_version_does_everything()
        assert {finding.promise for finding in findings()} == {"the schema is at head"}
    with pytest.raises(schema.SchemaTooNew, match="newer Sneaky Klaus"):
        schema.upgrade(url, tmp_path)


@contextmanager
def later_revisions(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Inside, this process is of a later version, as far as revisions go."""
    folder.mkdir()
    made = later.migrations_with_one_more(folder)
    schema.revisions.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(schema, "migrations_folder", lambda: made)
        yield
    schema.revisions.cache_clear()


def old_version_does_everything() -> None:
    """People join, names are drawn, letters go, jobs run: all against tables that know more than we do."""
    open_id = factories.an_exchange()
    registration.join(open_id, "Nils", "nils@example.org", ip="192.0.2.7")
    to_draw = factories.an_exchange(
        state="registration_closed",
        event_local=(now() + timedelta(days=9)).replace(tzinfo=None, microsecond=0),
    )
    factories.participants(to_draw, 5)
    assert conduct_draw(to_draw, even_if_mail_unproven=True).letters == 5
    assert deliver_letters().counts["sent"] >= 6
    assert auto_complete_exchanges().success
    db.session.remove()
    assert db.session.get_one(Exchange, to_draw).state is ExchangeState.MATCHED
    waiting = select(Letter.id).where(Letter.state.in_([LetterState.QUEUED, LetterState.SENDING]))
    assert db.session.scalars(waiting).all() == []


@pytest.mark.slow
@pytest.mark.parametrize("round_", range(rounds(1, 20)))
@pytest.mark.parametrize("is_old", [False, True], ids=["empty", "old"])
def test_two_that_start_at_once_upgrade_once(
    url: str, engine: Engine, tmp_path: Path, is_old: bool, round_: int
) -> None:
    if is_old:
        schema.upgrade(url, tmp_path)
    (tmp_path / "later").mkdir()
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": str(later.later_version(tmp_path / "later")),
        "SNEAKY_DATA_DIR": str(tmp_path),
        "SNEAKY_DATABASE_URL": url,
        "SNEAKY_SECRET_KEY": recorded.SECRET_KEY,
    }
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "sneaky", "db", "upgrade"],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=100)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    assert "Traceback" not in "".join(said)
    assert "".join(said).count(f"Database upgraded from {schema.head() if is_old else 'empty'} to") == 1
    with engine.connect() as connection:
        assert schema.current(connection) == later.REVISION
        assert connection.scalar(text("SELECT count(*) FROM carol")) == 0


def test_the_folder_of_releases_holds_what_this_version_can_upgrade() -> None:
    assert {recorded.read(file).revision for file in recorded.released()} <= set(schema.revisions())
    assert (ROOT / "tests/migrations/releases/README.md").exists()
