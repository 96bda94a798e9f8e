"""What every test starts from: an app on a fresh database, settings without surprises, and no way out."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sneaky.app import create_app
from sneaky.core.db import db
from sneaky.core.schema import upgrade
from sneaky.core.settings import Settings, load
from tests.compiling import compile_once

pytest_plugins = ["tests.fixtures_postgres"]

# The database under every test that does not ask for one: SNEAKY_TEST_DATABASE=postgresql ./dev test
DATABASE = os.environ.get("SNEAKY_TEST_DATABASE", "sqlite")  # noqa: TID251  (the tests' own switch)
# These tests share a running instance, which ends with the last of them.
TRUST = Path(__file__).parent / "trust"
_BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a database that we do not know, instead of testing on another one in silence; compile once."""
    gc.set_threshold(10_000)  # an app is many objects that live as long as its test
    if DATABASE not in {"sqlite", "postgresql"}:
        raise pytest.UsageError(f"SNEAKY_TEST_DATABASE is {DATABASE!r}; use sqlite or postgresql")
    compile_once()


def pytest_collection_finish() -> None:
    """Spare the garbage collector all that is there for good: modules, tests and fixtures."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that both processes end together; leave out what is about SQLite."""
    items.sort(key=lambda item: (TRUST not in item.path.parents, not item.get_closest_marker("slow")))
    if DATABASE == "postgresql":
        for item in items:
            if item.get_closest_marker("sqlite"):
                item.add_marker(pytest.mark.skip(reason="about the file of SQLite"))


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file at head, made once and copied for each test."""
    folder = tmp_path_factory.mktemp("empty")
    upgrade(f"sqlite:///{folder / 'sneaky.db'}", folder)
    return folder / "sneaky.db"


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a test instance on its own database at head; letters go to a folder."""
    if DATABASE == "postgresql":
        url = request.getfixturevalue("postgres_copy")
    else:
        shutil.copy(request.getfixturevalue("empty_database"), tmp_path / "sneaky.db")
        url = f"sqlite:///{tmp_path / 'sneaky.db'}"
    values, _warnings = load(
        {
            "SNEAKY_DATA_DIR": str(tmp_path),
            "SNEAKY_DATABASE_URL": url,
            "SNEAKY_SECRET_KEY": "0123456789abcdef" * 4,
            "SNEAKY_MAIL_URL": f"file:{tmp_path / 'letters'}",
            "SNEAKY_BASE_URL": "http://localhost",
            "SNEAKY_SCHEDULER": "off",
        }
    )
    return values


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The app on an empty database, in an app context, with nothing running."""
    yield from _running(settings)


@pytest.fixture(params=_BOTH if DATABASE == "sqlite" else ["postgresql"])
def any_app(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Flask]:
    """The app on SQLite and again on PostgreSQL, for what must hold on both."""
    if request.param == "postgresql" and DATABASE == "sqlite":
        settings = replace(settings, database_url=request.getfixturevalue("postgres_copy"))
    yield from _running(settings)


def _running(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    with app.app_context():
        yield app
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without a past."""
    return app.test_client()
