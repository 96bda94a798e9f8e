"""`sneaky key`: the secret key that seals matches, messages and postal addresses."""

from __future__ import annotations

import click
from flask import Flask

from sneaky.cli import with_app
from sneaky.core.settings import settings
from sneaky.upkeep import forgetting, keys


@click.group()
def key() -> None:
    """The secret key: which one seals, a new one, the end of the ones before."""


@key.command()
@with_app
def status(_app: Flask) -> None:
    """Tell which keys there are, by their fingerprints, and what each has sealed."""
    click.echo(f"The key comes from {settings().key_file or 'SNEAKY_SECRET_KEY'}.")
    for one in keys.status():
        role = "current" if one.is_current else "earlier" if one.is_known else "NOT HERE"
        sealed = ", ".join(f"{number} {name}" for name, number in one.sealed.items()) or "nothing"
        click.echo(f"{one.fingerprint}  {role:<8}  {sealed}")


@key.command()
@with_app
def rotate(_app: Flask) -> None:
    """Make a new secret key and seal everything with it, while the app serves; takes some 20 seconds.

    Interrupted, it goes on when run again. What earlier keys have made stays good until `sneaky key forget`.
    """
    counts = keys.rotate()
    click.echo("Sealed anew: " + ", ".join(f"{number} {name}" for name, number in counts.items()) + ".")
    (current, *others) = keys.status()
    click.echo(f"The secret key is {current.fingerprint} now. Keep a copy of it, away from the backups.")
    if others:
        click.echo("Earlier keys still open what they made: `sneaky key forget` ends that.")


@key.command()
@click.confirmation_option(
    prompt="Links in letters that were sent before the last rotation will stop working. Go on?"
)
@with_app
def forget(_app: Flask) -> None:
    """End the keys of before the last rotation, and every link that they made."""
    done = forgetting.forget()
    click.echo(
        f"Forgotten: {done.keys} earlier keys, {done.magic_links} magic links, {done.join_links} join links,"
        f" {done.pairs} remembered pairs."
    )
    if settings().old_secret_keys:
        click.echo("Take them out of SNEAKY_OLD_SECRET_KEYS now, and restart: until then they work on.")
