"""What every test starts from: an app on a fresh database, settings without surprises, and no way out."""

from __future__ import annotations

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

pytest_plugins = ["tests.fixtures_postgres"]


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file at head, made once and copied for each test."""
    folder = tmp_path_factory.mktemp("empty")
    upgrade(f"sqlite:///{folder / 'sneaky.db'}", folder)
    return folder / "sneaky.db"


@pytest.fixture
def settings(tmp_path: Path, empty_database: Path) -> Settings:
    """Settings of a test instance on its own SQLite file; letters go to a folder."""
    shutil.copy(empty_database, tmp_path / "sneaky.db")
    values, _warnings = load(
        {
            "SNEAKY_DATA_DIR": str(tmp_path),
            "SNEAKY_SECRET_KEY": "0123456789abcdef" * 4,
            "SNEAKY_MAIL_URL": f"file:{tmp_path / 'letters'}",
            "SNEAKY_BASE_URL": "http://localhost",
            "SNEAKY_SCHEDULER": "off",
        }
    )
    return values


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The app on an empty SQLite database, in an app context, with nothing running."""
    yield from _running(settings)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def any_app(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Flask]:
    """The app on SQLite and again on PostgreSQL, for what must hold on both."""
    if request.param == "postgresql":
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
