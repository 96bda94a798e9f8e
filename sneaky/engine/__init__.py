"""procrastinate, for large instances: told of work that is due inside the transaction that makes it due.

Loaded only where SNEAKY_ENGINE asks for it. A job of the engine is no more than a knock: it carries the id of
a row, and that row alone says what is to be done, by whom, and whether it is done already.
"""

from __future__ import annotations

import importlib.util
from typing import Final

from flask import Flask

from sneaky.core.db import set_engine
from sneaky.core.errors import SettingsError
from sneaky.core.settings import Settings

# The engine's queues, named for the pools of our own clock, and its tasks.
RUNS: Final = "default"
LETTERS: Final = "letters"
RUN_TASK: Final = "sneaky.run"
SEND_TASK: Final = "sneaky.send_letters"


def init_app(app: Flask, settings: Settings) -> None:
    """Have procrastinate told of what is due, where the settings name it.

    Raises `SettingsError` where it is not installed or the database is not PostgreSQL.
    """
    if settings.engine == "local":
        return
    problems = []
    if not settings.database_url.startswith("postgres"):
        problems.append(
            "SNEAKY_ENGINE: procrastinate needs PostgreSQL; set SNEAKY_DATABASE_URL, or use local"
        )
    if importlib.util.find_spec("procrastinate") is None:
        problems.append("SNEAKY_ENGINE: procrastinate is missing; pip install 'sneaky-klaus[procrastinate]'")
    if problems:
        raise SettingsError(problems)
    from sneaky.engine.knocks import knock  # noqa: PLC0415  (what the default does without is not loaded)

    set_engine(app.extensions, knock)
