"""What happens when a button is pressed: it is done, or the next page tells the rule against it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import flash, redirect, url_for
from werkzeug.wrappers import Response

from sneaky.core.errors import RuleBroken
from sneaky.web.wording import told

R = TypeVar("R")


def press(action: Callable[[], R], done: str | Callable[[R], str], endpoint: str, **where: Any) -> Response:
    """Do what the button asks, flash `done` (made of the result) or why not, then go to `endpoint`."""
    try:
        result = action()
    except RuleBroken as error:
        flash(told(error), "bad")
    else:
        flash(done(result) if callable(done) else done, "ok")
    return redirect(url_for(endpoint, **where), 303)
