"""`sneaky mail`: is the mail set-up good?"""

from __future__ import annotations

from typing import Final

import click
from flask import Flask
from flask_babel import force_locale

from sneaky.access import addresses
from sneaky.cli import with_app
from sneaky.core.errors import words
from sneaky.letters import catalogue
from sneaky.models import LetterState
from sneaky.outbox import queue, trial
from sneaky.outbox.explain import explain

_BECAME: Final = {
    LetterState.SENT: "sent",
    LetterState.FAILED: "will be tried again",
    LetterState.DEAD: "given up",
    LetterState.BOUNCED: "came back",
    LetterState.QUEUED: "waits with all other letters",
    LetterState.SENDING: "another process is sending it",
    LetterState.DISCARDED: "taken out",
}


@click.group()
def mail() -> None:
    """Letters: try the set-up, hold and resume the outbox."""


@mail.command()
@click.argument("address")
@with_app
def test(_app: Flask, address: str) -> None:
    """Send a test letter to ADDRESS now, and tell what the mail server said."""
    outcome = trial.send_test_letter(addresses.normalise(address), catalogue.render)
    click.echo(f"{_BECAME[outcome.state]}{outcome.words and ': '}{outcome.words}")
    if outcome.state is LetterState.SENT:
        return
    with force_locale("en"):
        meaning = explain(outcome.words)
    if meaning != outcome.words:
        click.echo(meaning)
    raise SystemExit(1)


@mail.command()
@click.argument("reason", default=words("held from the command line"))
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
