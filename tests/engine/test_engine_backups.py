"""Backups and moves of an instance in whose database procrastinate keeps tables of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from sneaky.core import schema
from sneaky.core.db import db
from sneaky.models import Exchange
from sneaky.upkeep import backups, rows
from tests import factories
from tests.upkeep.lives import contents, elsewhere, running, settings_of

pytestmark = pytest.mark.postgres


def test_what_procrastinate_keeps_is_no_part_of_a_backup(engine_app: Flask, tmp_path: Path) -> None:
    factories.an_exchange()
    here, there = (
        settings_of(engine_app),
        elsewhere(settings_of(engine_app), tmp_path / "other", engine="local"),
    )
    file, manifest = backups.backup(tmp_path / "kept.backup")
    assert [name for name in manifest.tables if "procrastinate" in name or "alembic" in name] == []
    backups.restore(file, there)
    assert contents(there)["exchange"] == contents(here)["exchange"] != []


def test_an_instance_moves_out_of_a_database_with_its_tables(engine_app: Flask, tmp_path: Path) -> None:
    factories.an_exchange()
    here, there = (
        settings_of(engine_app),
        elsewhere(settings_of(engine_app), tmp_path / "other", engine="local"),
    )
    backups.copy(here.database_url, there.database_url, tmp_path)
    assert contents(there)["exchange"] == contents(here)["exchange"] != []


def test_a_backup_that_holds_its_tables_still_comes_back(
    engine_app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.an_exchange()
    with monkeypatch.context() as as_before:
        as_before.setattr(rows, "_NOT_OURS", ("alembic_version_of_nobody",))
        file, manifest = backups.backup(tmp_path / "kept.backup")
    assert "procrastinate_jobs" in manifest.tables
    there = elsewhere(settings_of(engine_app), tmp_path / "other", engine="local")
    backups.restore(file, there)
    assert len(contents(there)["exchange"]) == 1


def test_replaced_instance_leaves_its_tables_where_they_work_on(
    app: Flask, make_app: Callable[[str], Flask], engine_url: str, tmp_path: Path
) -> None:
    factories.an_exchange(name="Yule at Quux Castle")
    file, _manifest = backups.backup(tmp_path / "kept.backup")
    there = replace(settings_of(app), database_url=engine_url, engine="procrastinate")
    kept_as = backups.restore(file, there).kept_as
    assert kept_as is not None
    assert schema.upgrade(engine_url, tmp_path, with_engine=True) == (schema.head(), schema.head())
    with schema.connected(engine_url) as engine, engine.connect() as connection:
        assert schema.is_engine_ready(connection)
    with running(there):
        assert db.session.scalars(select(Exchange.name)).all() == ["Yule at Quux Castle"]
        factories.an_exchange()
