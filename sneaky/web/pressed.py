"""What happens when a button is pressed: it is done, or the next page tells the rule against it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, url_for
from werkzeug.wrappers import Response

from sneaky.core.errors import RuleBroken


def press(action: Callable[[], object], done: str, endpoint: str, **where: Any) -> Response:
    """Do what the button asks, flash `done` or why not, and go to `endpoint` in both cases."""
    try:
        action()
    except RuleBroken as error:
        flash(error.message, "bad")
    else:
        flash(done, "ok")
    return redirect(url_for(endpoint, **where), 303)
