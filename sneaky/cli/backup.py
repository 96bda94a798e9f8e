"""`sneaky backup` and `sneaky restore`: the whole instance in a file, and back."""

from __future__ import annotations

from pathlib import Path

import click
from flask import Flask

from sneaky.cli import with_app
from sneaky.core.settings import settings
from sneaky.upkeep import backups

_PATH = click.Path(path_type=Path)


def _file_or_folder(_context: click.Context, _argument: click.Parameter, value: str) -> Path:
    """A path; one that ends in a slash is a folder, and made where it is missing."""
    path = Path(value)
    if value.endswith("/"):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


@click.command()
@click.argument("path", callback=_file_or_folder)
@click.option(
    "--with-key", is_flag=True, help="Put the secret key in, too. Then the file alone tells every match."
)
@with_app
def backup(_app: Flask, path: Path, *, with_key: bool) -> None:
    """Write a backup to PATH, a new file or a folder, while the app serves.

    The secret key is not in it. Without that key no match, no message and no postal address of the backup can
    ever be read again, so keep a copy of it, in another place than the backups.
    """
    file, manifest = backups.backup(path, with_key=with_key)
    number = sum(facts.rows for facts in manifest.tables.values())
    click.echo(f"{file}: {number} rows of {len(manifest.tables)} tables, complete.")
    if with_key:
        click.echo("The secret key is inside: whoever has this file can open every match.", err=True)
    else:
        where = settings().key_file or "SNEAKY_SECRET_KEY"
        click.echo(
            f"The secret key {manifest.key} is not inside. Keep a copy of it elsewhere ({where}): without it"
            " what is sealed in this backup is lost.",
            err=True,
        )


@click.command()
@click.argument("path", type=_PATH)
@click.option("--replace", is_flag=True, help="Replace the instance that is there; its data is kept beside.")
@with_app
def restore(_app: Flask, path: Path, *, replace: bool) -> None:
    """Put the backup at PATH into the database of these settings. Stop every process of the app first.

    Everything is looked at before anything is touched. No letter leaves until `sneaky mail resume`.
    """
    done = backups.restore(path, settings(), may_replace=replace)
    manifest = done.manifest
    number = sum(facts.rows for facts in manifest.tables.values())
    click.echo(f"Restored {number} rows as of {manifest.made_at}, made by version {manifest.version}.")
    if done.kept_as:
        click.echo(f"What was there before is kept as {done.kept_as}. Delete it when all is well.")
    click.echo(
        "Next:\n"
        "  1. sneaky check          verifies every promise about the data\n"
        "  2. start Sneaky Klaus    everybody signs in anew\n"
        "  3. look at the outbox    letters that left after the backup are in it again: discard those\n"
        "  4. sneaky mail resume    until then no letter leaves\n"
        "Whoever was erased after the backup was made is back. Erase them again."
    )
