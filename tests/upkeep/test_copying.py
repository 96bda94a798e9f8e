"""Moving to another database: all rows, counted, in a blank one that nobody uses; and the commands for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import select

from sneaky.access import sessions
from sneaky.cli import Composer
from sneaky.cli.check import findings
from sneaky.cli.main import sneaky
from sneaky.core.db import db
from sneaky.core.settings import Settings
from sneaky.models import AuditEntry, Organizer
from sneaky.outbox import queue
from sneaky.upkeep import backups, targets
from sneaky.upkeep.snapshots import NothingThere
from tests import factories
from tests.upkeep.lives import a_full_life, contents, elsewhere, running, settings_of

CHANGED_BY_A_COPY = {"instance", "trouble", "audit_entry"}
Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    """Run a command on the app's database; `expect` is its exit code."""
    composer = Composer(lambda: app, *[lambda *_: None] * 3)

    def run(*words: str | Path, expect: int = 0) -> Result:
        db.session.remove()
        result = CliRunner().invoke(sneaky, list(map(str, words)), obj=composer)
        assert result.exit_code == expect, (result.output, result.exception)
        return result

    return run


def test_copy_is_the_same_on_the_other_database(any_app: Flask, other_host: Settings) -> None:
    people = a_full_life()
    here = settings_of(any_app)
    cookie = sessions.rotate(None, participant_id=people[1], data={}).cookie
    copied = backups.copy(here.database_url, other_host.database_url, other_host.data_dir)
    source, target = contents(here), contents(other_host)
    assert copied.counts == {table: len(found) for table, found in source.items()}
    for table in source.keys() - CHANGED_BY_A_COPY:
        assert source[table] == target[table], table
    with running(other_host):
        assert list(findings()) == []
        assert sessions.load(cookie) is not None
        assert queue.held_reason() == backups.HELD_AFTER_COPY
        assert factories.an_organizer() > max(row[0] for row in source["organizer"])


def test_copy_refuses_a_target_that_is_not_blank(app: Flask, other_host: Settings) -> None:
    here = settings_of(app)
    factories.an_exchange()
    backups.copy(here.database_url, other_host.database_url, other_host.data_dir)
    before = contents(other_host)
    with pytest.raises(targets.NotEmpty):
        backups.copy(here.database_url, other_host.database_url, other_host.data_dir)
    with pytest.raises(backups.SameDatabase):
        backups.copy(here.database_url, here.database_url, other_host.data_dir)
    assert contents(other_host) == before


def test_mistyped_source_is_told_and_not_made(app: Flask, other_host: Settings, tmp_path: Path) -> None:
    with pytest.raises(NothingThere):
        backups.copy(f"sqlite:///{tmp_path / 'sneky.db'}", other_host.database_url, tmp_path)
    assert not (tmp_path / "sneky.db").exists()


def test_blank_instance_makes_room_and_is_kept_beside(app: Flask, tmp_path: Path) -> None:
    here, other = settings_of(app), elsewhere(settings_of(app), tmp_path / "other")
    backups.copy(here.database_url, other.database_url, other.data_dir)
    factories.an_exchange()
    kept_as = backups.copy(here.database_url, other.database_url, other.data_dir).kept_as
    assert Path(str(kept_as)).exists()
    assert len(contents(other)["exchange"]) == 1


def test_commands_say_what_was_done_and_what_comes_next(run: Run, app: Flask, tmp_path: Path) -> None:
    factories.an_organizer()
    result = run("backup", tmp_path / "kept.backup")
    assert "complete" in result.stdout
    assert "Keep a copy of it elsewhere (SNEAKY_SECRET_KEY)" in result.stderr
    assert "whoever has this file" in run("backup", tmp_path / "whole.backup", "--with-key").stderr
    refused = run("restore", tmp_path / "kept.backup", expect=1).exception
    assert isinstance(refused, targets.InUse | targets.NotEmpty)
    db.engine.dispose()
    restored = run("restore", tmp_path / "kept.backup", "--replace").output
    assert "sneaky mail resume" in restored
    assert "is kept as" in restored
    assert list(db.session.scalars(select(AuditEntry.action))) == ["instance.restored"]


def test_copy_command_counts_what_it_copied(run: Run, app: Flask, tmp_path: Path) -> None:
    factories.an_organizer()
    target = f"sqlite:///{tmp_path / 'new.db'}"
    output = run("db", "copy", settings_of(app).database_url, target).output
    assert "organizer                    1" in output
    assert "Next: set SNEAKY_DATABASE_URL" in output
    assert "write sqlite:///FILE" in run("db", "copy", "mysql://x/y", target, expect=2).output
    assert db.session.scalars(select(Organizer)).one()
