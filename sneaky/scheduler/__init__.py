"""The door for the clock; the only importer of APScheduler."""

from __future__ import annotations

import atexit
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask
from sqlalchemy import Engine, create_engine, make_url

from sneaky.core.db import engine_options
from sneaky.core.settings import EXTENSION as SETTINGS
from sneaky.core.settings import Settings
from sneaky.scheduler.clock import Clock, Pace
from sneaky.scheduler.store import CarefulJobStore

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

EXTENSION = "sneaky.clock"


def init_app(app: Flask, pace: Pace | None = None) -> None:
    """Set the scheduler up as `app.scheduler`, its recurring jobs waiting, and start nothing.

    The job store has an engine of its own, since its shutdown disposes the one it was given.
    """
    clock = Clock(app, CarefulJobStore(own_engine(app.config["SQLALCHEMY_DATABASE_URI"])), pace or Pace())
    app.extensions[EXTENSION] = clock
    app.scheduler = clock.scheduler  # type: ignore[attr-defined]


def start_with_the_development_server(app: Flask) -> None:
    """Start the clock with the first request that Flask's development server brings.

    That server has no hook, and its reloader makes the app in two processes of which only one ever serves.
    """
    serve = app.wsgi_app

    def serve_and_start(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        is_development = environ.get("SERVER_SOFTWARE", "").startswith("Werkzeug/")
        if is_development and not clock_of(app).is_running and start(app):
            atexit.register(stop, app)
        return serve(environ, start_response)

    app.wsgi_app = serve_and_start  # type: ignore[method-assign]


def start(app: Flask) -> bool:
    """Make this process a candidate for the clock, unless SNEAKY_SCHEDULER is off; False: it is off.

    Called by serving processes, after forking. Nothing else ever starts it.
    """
    settings: Settings = app.extensions[SETTINGS]
    if settings.scheduler == "off":
        return False
    clock_of(app).start()
    return True


def stop(app: Flask) -> bool:
    """Stop the clock of this process: runs finish their batch, another process leads. False: a run hangs."""
    return clock_of(app).stop()


def own_engine(url: str) -> Engine:
    """An engine for the job store; PostgreSQL ends its transactions where this process freezes in one."""
    options = engine_options(url, cut_off_after=4)
    if make_url(url).get_backend_name() == "postgresql":
        options["pool_size"] = 2
    return create_engine(url, **options)


def clock_of(app: Flask) -> Clock:
    """The clock of this process."""
    clock: Clock = app.extensions[EXTENSION]
    return clock
