"""The `sneaky` command: a module for each group of commands; here is what they share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

import click
from flask import Flask

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Composer:
    """What the top of the house hands down to the commands."""

    create_app: Callable[[], Flask]
    serve: Callable[[], None]
    run_clock: Callable[[Flask], None]
    run_worker: Callable[[Flask], None]


def with_app(command: Callable[Concatenate[Flask, P], R]) -> Callable[P, R]:
    """Give a command the app, inside its context."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        app = composer().create_app()
        with app.app_context():
            return command(app, *args, **kwargs)

    return run


def composer() -> Composer:
    """The composer that the `sneaky` command was started with."""
    found = click.get_current_context().find_object(Composer)
    if found is None:
        raise click.UsageError("start this through the `sneaky` command")
    return found
