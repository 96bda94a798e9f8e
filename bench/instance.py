"""Instances to measure: an app on an empty database, SQLite in a folder or PostgreSQL in a server."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from sneaky.app import create_app
from sneaky.core.db import db
from sneaky.core.schema import upgrade
from sneaky.core.settings import load
from tests.postgres import PostgresServer


@contextmanager
def instance(database_url: str = "") -> Iterator[Flask]:
    """An app in its context, on `database_url` or else on SQLite in a folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="sneaky-bench-") as name:
        folder = Path(name)
        settings, _warnings = load(
            {
                "SNEAKY_DATA_DIR": name,
                "SNEAKY_DATABASE_URL": database_url or f"sqlite:///{folder / 'sneaky.db'}",
                "SNEAKY_LOG_LEVEL": "WARNING",
                "SNEAKY_SCHEDULER": "off",
            }
        )
        upgrade(settings.database_url, folder)
        app = create_app(settings)
        with app.app_context():
            yield app
            db.session.remove()
            for engine in db.engines.values():
                engine.dispose()


@contextmanager
def postgres_url() -> Iterator[str]:
    """The address of an empty database in a PostgreSQL server of its own. Raises `PostgresMissing`."""
    server = PostgresServer()
    try:
        server.start()
        yield server.create_database()
    finally:
        server.remove()
