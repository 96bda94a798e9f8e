"""Patience with what passes by itself: a busy database, a restarted server, a lost connection."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sneaky.core.db import db
from sneaky.core.errors import MailTransient

Result = TypeVar("Result")

TRIES = 6
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0


def is_transient(error: BaseException) -> bool:
    """Whether the same step may well succeed a moment later; wrong data never does."""
    return isinstance(error, MailTransient) or is_database_away(error)


def is_database_away(error: BaseException) -> bool:
    """Whether the database is busy, full or gone, so that the work itself is not to blame.

    An internal error is what psycopg makes of the last words on a connection that the server has cut.
    """
    if isinstance(error, (OperationalError, InterfaceError, InternalError, PoolTimeout)):
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


def log_failure(logger: logging.Logger, message: str, error: BaseException, **facts: object) -> None:
    """Log an error that work goes on after: an outage in one line, anything else with its traceback."""
    if is_transient(error):
        cause = str(error).partition("\n")[0]
        logger.warning(message, extra=facts | {"error": f"{type(error).__name__}: {cause}"})
    else:
        logger.error(message, extra=facts, exc_info=error)


def patiently(action: Callable[[], Result], *, stopping: threading.Event | None = None) -> Result:
    """Do `action`, a step that may be repeated, again after transient errors: 6 tries in about ten seconds.

    Waits grow and are jittered; `stopping` cuts them short. The last error is raised as it is.
    """
    # Loaded with the first step of the first job: a process that only serves pages has no use for it.
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter  # noqa: PLC0415
    from tenacity.nap import sleep_using_event  # noqa: PLC0415

    tries = Retrying(
        retry=retry_if_exception(is_transient),
        stop=stop_after_attempt(TRIES),
        wait=wait_exponential_jitter(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT),
        sleep=sleep_using_event(stopping or threading.Event()),
        before_sleep=lambda _state: db.session.remove(),
        reraise=True,
    )
    return tries(action)
