"""The revisions: head equals the models, both ways work, one at a time, nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, PrimaryKeyConstraint, UniqueConstraint, create_engine, inspect, text

from sneaky.core import schema
from sneaky.core.db import Base, normalise_url
from tests.faults.processes import rounds


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def test_empty_to_head_equals_the_models(url: str, engine: Engine, tmp_path: Path) -> None:
    assert schema.upgrade(url, tmp_path) == (None, schema.head())
    assert tables(engine) == set(Base.metadata.tables)
    with engine.connect() as connection:
        command.check(schema.configuration(connection))


def test_head_to_base_to_head(url: str, engine: Engine, tmp_path: Path) -> None:
    schema.upgrade(url, tmp_path)
    with engine.connect() as connection, connection.begin():
        command.downgrade(schema.configuration(connection), "base")
    assert tables(engine) == set()
    schema.upgrade(url, tmp_path)
    assert tables(engine) == set(Base.metadata.tables)


def test_job_store_table_is_left_alone_by_autogenerate(url: str, engine: Engine, tmp_path: Path) -> None:
    schema.upgrade(url, tmp_path)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE apscheduler_jobs ADD COLUMN of_a_later_apscheduler INTEGER"))
    with engine.connect() as connection:
        command.check(schema.configuration(connection))


def test_revisions_are_known_without_alembic() -> None:
    script = ScriptDirectory.from_config(schema.configuration())
    assert [revision.revision for revision in script.walk_revisions()] == list(reversed(schema.revisions()))
    assert script.get_current_head() == schema.head()


def test_upgrade_again_changes_nothing(url: str, tmp_path: Path) -> None:
    schema.upgrade(url, tmp_path)
    assert schema.upgrade(url, tmp_path) == (schema.head(), schema.head())


def test_database_of_a_newer_version_is_refused(url: str, engine: Engine, tmp_path: Path) -> None:
    schema.upgrade(url, tmp_path)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '29991231_future'"))
    with pytest.raises(schema.SchemaTooNew, match="newer Sneaky Klaus"):
        schema.upgrade(url, tmp_path)


def test_upgrade_that_leaves_dangling_rows_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def orphan(config, _target):  # type: ignore[no-untyped-def]
        config.attributes["connection"].exec_driver_sql(
            "CREATE TABLE child (id INTEGER REFERENCES nowhere(id))"
        )
        config.attributes["connection"].exec_driver_sql("INSERT INTO child VALUES (7)")

    monkeypatch.setattr("alembic.command.upgrade", orphan)
    url = f"sqlite:///{tmp_path / 'x.db'}"
    with pytest.raises(schema.SchemaBroken):
        schema.upgrade(url, tmp_path)
    engine = create_engine(url)
    assert "child" not in inspect(engine).get_table_names()
    engine.dispose()


@pytest.mark.postgres
def test_partial_indexes_are_partial_on_postgresql_too(postgres_copy: str) -> None:
    partial = {
        index.name
        for table in Base.metadata.tables.values()
        for index in table.indexes
        if index.dialect_options["sqlite"]["where"] is not None
    }
    engine = create_engine(normalise_url(postgres_copy))
    with engine.connect() as connection:
        found = connection.scalars(text("SELECT indexname FROM pg_indexes WHERE indexdef LIKE '% WHERE %'"))
        assert set(found) >= partial
    engine.dispose()
    assert len(partial) > 10


def test_every_foreign_key_is_indexed_and_says_what_happens_on_delete() -> None:
    for table in Base.metadata.tables.values():
        uniques = [
            thing for thing in table.constraints if isinstance(thing, UniqueConstraint | PrimaryKeyConstraint)
        ]
        led = {next(iter(thing.columns)).name for thing in [*table.indexes, *uniques] if len(thing.columns)}
        for key in table.foreign_keys:
            assert key.ondelete in {"CASCADE", "SET NULL"}, f"{table.name}.{key.parent.name}"
            assert key.parent.name in led, f"{table.name}.{key.parent.name} has no index"


UPGRADE = """
import sys
from pathlib import Path
from sneaky.core.schema import upgrade
upgrade(sys.argv[1], Path(sys.argv[2]))
"""


def test_upgrades_at_once_make_one(url: str, engine: Engine, tmp_path: Path) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", UPGRADE, url, str(tmp_path)], stderr=subprocess.PIPE)
        for _ in range(rounds(6, 6, quick=3))
    ]
    for process in started:
        _out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, b"")
    assert tables(engine) == set(Base.metadata.tables)
