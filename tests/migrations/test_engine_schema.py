"""The tables of procrastinate: there only where it is the engine, on a line of revisions of their own."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, Engine, create_engine, text

from sneaky.core import schema
from sneaky.core.db import normalise_url

pytestmark = pytest.mark.postgres

OF_PROCRASTINATE = text(
    """
    SELECT relname FROM pg_class WHERE relname LIKE '%procrastinate%'
    UNION ALL SELECT proname FROM pg_proc WHERE proname LIKE '%procrastinate%'
    UNION ALL SELECT typname FROM pg_type WHERE typname LIKE '%procrastinate%'
    """
)


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    engine = create_engine(normalise_url(postgres_url))
    yield engine
    engine.dispose()


def names(connection: Connection) -> list[str]:
    return sorted(connection.scalars(OF_PROCRASTINATE))


def test_they_come_only_where_they_are_asked_for(postgres_url: str, engine: Engine, tmp_path: Path) -> None:
    schema.upgrade(postgres_url, tmp_path)
    with engine.connect() as connection:
        assert names(connection) == []
        assert not schema.is_engine_ready(connection)
    assert schema.upgrade(postgres_url, tmp_path, with_engine=True) == (schema.head(), schema.head())
    with engine.connect() as connection:
        assert "procrastinate_jobs" in names(connection)
        assert schema.is_engine_ready(connection)
        assert schema.current(connection) == schema.head()


def test_they_stay_and_our_own_line_goes_on_where_the_engine_is_changed_back(
    postgres_url: str, engine: Engine, tmp_path: Path
) -> None:
    schema.upgrade(postgres_url, tmp_path, with_engine=True)
    assert schema.upgrade(postgres_url, tmp_path) == (schema.head(), schema.head())
    with engine.connect() as connection:
        assert schema.is_engine_ready(connection)
        command.check(schema.configuration(connection))


def test_they_can_be_taken_out_again(postgres_url: str, engine: Engine, tmp_path: Path) -> None:
    schema.upgrade(postgres_url, tmp_path, with_engine=True)
    with engine.begin() as connection:
        command.downgrade(schema.configuration(connection, of_engine=True), "base")
    with engine.connect() as connection:
        assert names(connection) == []
    schema.upgrade(postgres_url, tmp_path, with_engine=True)
    with engine.connect() as connection:
        assert schema.is_engine_ready(connection)


def test_a_newer_package_needs_a_revision_that_runs_its_upgrade_scripts() -> None:
    newest_revision = max((schema.migrations_folder() / "engine").glob("2*.py"))
    spec = importlib.util.spec_from_file_location("newest", newest_revision)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    scripts = sorted(file.name for file in Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    assert scripts[-1] == module.NEWEST


def test_an_upgrade_script_of_the_package_runs_in_a_revision(
    postgres_url: str, engine: Engine, tmp_path: Path
) -> None:
    """As a later revision will: one that can be run again, on a database that lacks what it brings."""
    schema.upgrade(postgres_url, tmp_path, with_engine=True)
    script = Path(SchemaManager.get_migrations_path()) / "03.03.00_01_pre_priority_lock_fetch_job.sql"
    with engine.begin() as connection:
        before = names(connection)
        connection.exec_driver_sql("DROP FUNCTION procrastinate_fetch_job_v2")
        assert names(connection) != before
        connection.execution_options(no_parameters=True).exec_driver_sql(script.read_text())
        assert names(connection) == before
