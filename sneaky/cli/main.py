"""The root of the `sneaky` command: serve, config, check, demo, and the groups."""

from __future__ import annotations

import json

import click
from flask import Flask

from sneaky import __version__
from sneaky.access import organizers
from sneaky.cli import composer, with_app
from sneaky.cli.admin import admin
from sneaky.cli.backup import backup, restore
from sneaky.cli.check import check
from sneaky.cli.database import bring_to_head, database
from sneaky.cli.demo import demo
from sneaky.cli.jobs import jobs
from sneaky.cli.key import key
from sneaky.cli.mail import mail
from sneaky.core import settings as settings_module
from sneaky.upkeep import keys


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="Sneaky Klaus", message="%(prog)s %(version)s")
def sneaky() -> None:
    """A self-hosted gift exchange. Settings come from SNEAKY_* variables; see `sneaky config`."""


@sneaky.command()
@click.option("--migrate/--no-migrate", default=False, help="Bring the database to head first.")
def serve(migrate: bool) -> None:
    """Serve the pages and, unless SNEAKY_SCHEDULER=off, run the clock."""
    app = composer().create_app()
    with app.app_context():
        if migrate:
            bring_to_head()
        keys.recognise()
        greet()
    composer().serve()


def greet() -> None:
    """Say where the pages are and, before the first organizer exists, how to become that one."""
    current = settings_module.settings()
    click.echo(f"Sneaky Klaus serves {current.base_url}", err=True)
    link = organizers.setup_link()
    if link:
        click.echo(f"Set it up here, once: {link}", err=True)


@sneaky.group()
def scheduler() -> None:
    """The clock as a process of its own."""


@scheduler.command("run")
@with_app
def run_scheduler(app: Flask) -> None:
    """Run the clock without serving pages; several may run, one leads."""
    keys.recognise()
    composer().run_clock(app)


@sneaky.command()
@with_app
def worker(app: Flask) -> None:
    """Make the runs that are due and send letters; any number may run, and none of them leads."""
    keys.recognise()
    composer().run_worker(app)


@sneaky.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def config(as_json: bool) -> None:
    """Print the settings in force; secrets only say whether they are set."""
    current, warnings = settings_module.load()
    shown = {f"SNEAKY_{name.upper()}": value for name, value in current.redacted().items()}
    if as_json:
        click.echo(json.dumps(shown, indent=1))
        return
    width = max(map(len, shown))
    for name, value in shown.items():
        click.echo(f"{name:<{width}}  {value}")
    for warning in warnings:
        click.echo(warning, err=True)


for command in (admin, backup, check, database, demo, jobs, key, mail, restore):
    sneaky.add_command(command)
