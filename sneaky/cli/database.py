"""`sneaky db`: the schema, and moving to another database."""

from __future__ import annotations

import click
from flask import Flask

from sneaky.cli import with_app
from sneaky.core import parse, schema
from sneaky.core.db import db
from sneaky.core.settings import settings
from sneaky.upkeep import backups


@click.group("db")
def database() -> None:
    """The database: its schema, and moving to another one."""


def bring_to_head() -> None:
    """Upgrade the database of the running app and say so, if anything was to do."""
    asked = settings()
    with_engine = asked.engine != "local"
    before, after = schema.upgrade(asked.database_url, asked.data_dir, with_engine=with_engine)
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


def _address(_context: click.Context, _argument: click.Parameter, value: str) -> str:
    """The address of a database, as in SNEAKY_DATABASE_URL."""
    try:
        return parse.database_url(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@database.command()
@click.argument("source_url", callback=_address)
@click.argument("target_url", callback=_address)
@with_app
def copy(_app: Flask, source_url: str, target_url: str) -> None:
    """Copy an instance from SOURCE_URL into the blank database at TARGET_URL, on SQLite or PostgreSQL.

    Stop the app first: what is written afterwards is not in the copy. The secret key stays the same. No
    letter leaves the copy until `sneaky mail resume`.
    """
    copied = backups.copy(source_url, target_url, settings().data_dir)
    for table, number in sorted(copied.counts.items()):
        if number:
            click.echo(f"{table:<20} {number:>9}")
    click.echo(f"Copied and counted {sum(copied.counts.values())} rows.")
    if copied.kept_as:
        click.echo(f"What was there before is kept as {copied.kept_as}. Delete it when all is well.")
    click.echo("Next: set SNEAKY_DATABASE_URL to the new address, sneaky check, start, sneaky mail resume.")
