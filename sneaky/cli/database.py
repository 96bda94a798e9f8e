"""`sneaky db`: the schema."""

from __future__ import annotations

import click
from flask import Flask

from sneaky.cli import with_app
from sneaky.core import schema
from sneaky.core.db import db
from sneaky.core.settings import settings


@click.group("db")
def database() -> None:
    """The database's schema."""


def bring_to_head() -> None:
    """Upgrade the database of the running app and say so, if anything was to do."""
    before, after = schema.upgrade(settings().database_url, settings().data_dir)
    if before != after:
        click.echo(f"Database upgraded from {before or 'empty'} to {after}", err=True)


@database.command()
@with_app
def upgrade(_app: Flask) -> None:
    """Bring the database to this version's schema; waits if another process is at it."""
    bring_to_head()


@database.command()
@with_app
def status(_app: Flask) -> None:
    """Tell the database's revision and this version's; exit code 1 if they differ."""
    with db.engine.connect() as connection:
        current = schema.current(connection)
    click.echo(f"database {current or 'empty'}, this version {schema.head()}")
    if current != schema.head():
        raise SystemExit(1)
