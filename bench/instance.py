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
from tests.postgres import PostgresMissing, PostgresServer


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
def on_each_database() -> Iterator[Iterator[str]]:
    """The addresses of an empty database of each kind; only SQLite where no PostgreSQL is installed."""
    try:
        server = PostgresServer()
    except PostgresMissing:
        yield iter([""])
        return
    try:
        server.start()
        yield iter(["", server.create_database()])
    finally:
        server.remove()
