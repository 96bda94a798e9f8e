"""The rows of an instance as plain data, whatever its schema and database: record them, load them again.

Run as a program it records a demo instance at head, for the folder of releases.
"""

from __future__ import annotations

import base64
import gzip
import json
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from sqlalchemy import Connection, DateTime, Engine, LargeBinary, MetaData, Numeric, Table, text

from sneaky.app import create_app
from sneaky.cli import Composer
from sneaky.cli.main import sneaky
from sneaky.core import schema
from sneaky.core.db import db
from sneaky.core.settings import Settings, load

RELEASES = Path(__file__).parent / "releases"
SECRET_KEY = "0123456789abcdef" * 4

Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Recorded:
    """The rows of every table at one revision, in values that JSON knows."""

    revision: str
    rows: Rows


def settings_for(url: str, folder: Path) -> Settings:
    """Settings of an instance on the database at `url`, whose letters stay in `folder`."""
    values, _warnings = load(
        {
            "SNEAKY_DATA_DIR": str(folder),
            "SNEAKY_DATABASE_URL": url,
            "SNEAKY_SECRET_KEY": SECRET_KEY,
            "SNEAKY_MAIL_URL": f"file:{folder / 'letters'}",
            "SNEAKY_SCHEDULER": "off",
        }
    )
    return values


def demo_at_head(folder: Path) -> Recorded:
    """A demo instance of this version, made on SQLite in `folder`."""
    url = f"sqlite:///{folder / 'demo.db'}"
    schema.upgrade(url, folder)
    app = create_app(settings_for(url, folder))

    def nobody(*_any: object) -> None:
        raise AssertionError("the demo serves nothing")

    done = CliRunner().invoke(sneaky, ["demo"], obj=Composer(lambda: app, nobody, nobody, nobody))
    assert done.exit_code == 0, (done.output, done.exception)
    with app.app_context():
        recorded = Recorded(schema.head(), rows_of(db.engine))
        db.session.remove()
        db.engine.dispose()
    return recorded


def rows_of(engine: Engine) -> Rows:
    """Every row of every table, by the schema that the database has."""
    with engine.connect() as connection:
        return {
            table.name: [
                {name: _plain(value) for name, value in row.items()}
                for row in connection.execute(table.select().order_by(*table.primary_key)).mappings()
            ]
            for table in _tables(connection)
        }


def put_in(connection: Connection, recorded: Recorded) -> None:
    """Insert the rows into an empty database of the same revision."""
    for table in _tables(connection):
        rows = [
            {name: _typed(table, name, value) for name, value in row.items()}
            for row in recorded.rows.get(table.name, ())
        ]
        if rows:
            connection.execute(table.insert(), rows)
        if connection.dialect.name == "postgresql" and "id" in table.c:
            _advance(connection, table.name)


def _tables(connection: Connection) -> list[Table]:
    metadata = MetaData()
    metadata.reflect(connection)
    return [table for table in metadata.sorted_tables if table.name != "alembic_version"]


def _advance(connection: Connection, table: str) -> None:
    """Let the ids that PostgreSQL gives out begin after those that were put in."""
    sequence = connection.scalar(text("SELECT pg_get_serial_sequence(:table, 'id')"), {"table": table})
    if sequence:
        latest = connection.scalar(text(f'SELECT max(id) FROM "{table}"'))  # noqa: S608  (our own tables)
        if latest:
            connection.execute(
                text("SELECT setval(:sequence, :latest)"), {"sequence": sequence, "latest": latest}
            )


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return (value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value).isoformat()
    return str(value) if isinstance(value, (date, Decimal)) else value


def _typed(table: Table, name: str, value: Any) -> Any:
    kind = table.c[name].type
    if value is None:
        return None
    if isinstance(kind, LargeBinary):
        return base64.b64decode(value)
    if isinstance(kind, DateTime):
        instant = datetime.fromisoformat(value)
        return instant.replace(tzinfo=UTC) if kind.timezone else instant
    return Decimal(value) if isinstance(kind, Numeric) and isinstance(value, str) else value


def released() -> list[Path]:
    """The recordings of releases, oldest first."""
    return sorted(RELEASES.glob("*.json.gz"))


def read(file: Path) -> Recorded:
    """A recording from its file."""
    return Recorded(file.name.removesuffix(".json.gz"), json.loads(gzip.decompress(file.read_bytes())))


def main() -> None:
    """Record a demo instance of this version for the folder of releases."""
    with tempfile.TemporaryDirectory() as folder:
        recorded = demo_at_head(Path(folder))
    file = RELEASES / f"{recorded.revision}.json.gz"
    file.write_bytes(gzip.compress(json.dumps(recorded.rows, sort_keys=True).encode(), mtime=0))


if __name__ == "__main__":
    main()
