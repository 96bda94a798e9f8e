"""The composer: puts settings, log, database, clock, web and commands together."""

from __future__ import annotations

import logging
import os
import sys

from flask import Flask
from sqlalchemy.exc import DBAPIError

from sneaky import engine, scheduler, shell, web
from sneaky.core import crypto, log
from sneaky.core import settings as settings_module
from sneaky.core.db import db, engine_options, normalise_url
from sneaky.core.errors import SettingsError, SneakyError
from sneaky.core.settings import Settings

logger = logging.getLogger(__name__)


def create_app(settings: Settings | None = None) -> Flask:
    """Put the app together, from `settings` or from the environment.

    The scheduler is set up and not started: a serving process does that. Raises `SettingsError`.
    """
    warnings: list[str] = []
    if settings is None:
        settings, warnings = settings_module.load()
    log.configure(settings.log_level, settings.log_format)
    for warning in warnings:
        logger.warning(warning)
    app = Flask("sneaky", static_folder="web/static", template_folder="web/templates")
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=normalise_url(settings.database_url),
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database_url),
    )
    app.extensions[settings_module.EXTENSION] = settings
    crypto.init_app(app, settings)
    db.init_app(app)
    engine.init_app(app, settings)
    scheduler.init_app(app)
    web.init_app(app)
    shell.init_app(app)
    scheduler.start_with_the_development_server(app)
    return app


def main() -> None:
    """The `sneaky` command. What is wrong is told in plain lines; a traceback means a fault of ours."""
    from sneaky import serving
    from sneaky.cli import Composer
    from sneaky.cli.main import sneaky
    from sneaky.cli.refusals import in_a_line

    os.umask(0o077)
    try:
        composer = Composer(create_app, serving.become, serving.run_clock, serving.run_worker)
        sneaky(obj=composer, prog_name="sneaky")
    except SettingsError as error:
        _give_up(2, error.problems)
    except SneakyError as error:
        _give_up(1, [error.message])
    except (OSError, DBAPIError) as error:
        line = in_a_line(error)
        if line is None:
            raise
        _give_up(1, [line])


def _give_up(code: int, lines: list[str]) -> None:
    for line in lines:
        sys.stderr.write(f"{line}\n")
    sys.exit(code)
