"""`sneaky mail`: is the mail set-up good?"""

from __future__ import annotations

import click
from flask import Flask

from sneaky.access import addresses
from sneaky.cli import with_app
from sneaky.core.db import transaction
from sneaky.letters import catalogue
from sneaky.models import LetterKind
from sneaky.outbox import delivery, queue


@click.group()
def mail() -> None:
    """Letters: try the set-up, hold and resume the outbox."""


@mail.command()
@click.argument("address")
@with_app
def test(_app: Flask, address: str) -> None:
    """Send a test letter to ADDRESS now, and tell what the mail server said."""
    with transaction():
        queue.put(LetterKind.TEST, addresses.normalise(address))
    counts = delivery.deliver(catalogue.render)
    click.echo(f"sent {counts.sent}, will be tried again {counts.failed}, given up {counts.dead}")
    if not counts.sent:
        raise SystemExit(1)


@mail.command()
@click.argument("reason", default="held from the command line")
@with_app
def hold(_app: Flask, reason: str) -> None:
    """Let no letter leave until `sneaky mail resume`."""
    queue.hold(reason)
    click.echo("Letters wait.")


@mail.command()
@with_app
def resume(_app: Flask) -> None:
    """Let letters leave again."""
    queue.resume()
    click.echo("Letters leave again.")
