"""`sneaky admin`: organizers from the command line, when the web is out of reach."""

from __future__ import annotations

import click
from flask import Flask

from sneaky.access import addresses, organizers, sessions
from sneaky.cli import with_app


@click.group()
def admin() -> None:
    """Organizers and their sessions."""


@admin.command("setup-link")
@with_app
def setup_link(_app: Flask) -> None:
    """Print the one-time link that makes the first organizer."""
    link = organizers.setup_link()
    if link is None:
        raise click.ClickException("This instance is set up already. Use `sneaky admin create`.")
    click.echo(link)


@admin.command()
@click.argument("email")
@click.option("--name", prompt=True)
@click.option("--password", prompt=True, hide_input=True, confirmation_prompt=True)
@with_app
def create(_app: Flask, email: str, name: str, password: str) -> None:
    """Make an organizer who is also admin."""
    organizers.create(name, addresses.normalise(email), password, is_admin=True)
    click.echo(f"{name} may sign in now.")


@admin.command("reset-password")
@click.argument("email")
@click.option("--password", prompt=True, hide_input=True, confirmation_prompt=True)
@with_app
def reset_password(_app: Flask, email: str, password: str) -> None:
    """Give an organizer a new password and end their sessions."""
    organizers.set_password(organizers.by_email(addresses.normalise(email)), password)
    click.echo("Password changed; signed out everywhere.")


@admin.command("end-sessions")
@click.argument("email")
@with_app
def end_sessions(_app: Flask, email: str) -> None:
    """Sign an organizer out everywhere."""
    sessions.end_all(organizer_id=organizers.by_email(addresses.normalise(email)))
    click.echo("Signed out everywhere.")
