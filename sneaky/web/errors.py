"""One place for error pages: what went wrong, in words, on a page that asks nobody."""

from __future__ import annotations

import logging
import math
from typing import Any

from flask import (
    Flask,
    Response,
    current_app,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException, InternalServerError

from sneaky.core.errors import Forbidden, NotFound, RuleBroken, TooMany
from sneaky.web.guards import NotSignedIn, OrganizerNeeded
from sneaky.web.redirects import own_page, page_before
from sneaky.web.wording import told

logger = logging.getLogger(__name__)

_DATABASE_AWAY = (OperationalError, InterfaceError, InternalError, PoolTimeout)
_TRY_AGAIN_SECONDS = 30
_NOT_TYPED = frozenset({"csrf_token", "is_sure", "seen", "about"})


def init_app(app: Flask) -> None:
    """Answer every error with a page."""
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(CSRFError, _out_of_date)
    app.register_error_handler(InternalServerError, _broken)
    app.register_error_handler(NotFound, _not_found)
    app.register_error_handler(Forbidden, lambda _error: page(403))
    app.register_error_handler(RuleBroken, _rule_broken)
    app.register_error_handler(TooMany, _too_many)
    app.register_error_handler(NotSignedIn, _not_signed_in)
    for away in _DATABASE_AWAY:
        app.register_error_handler(away, _database_away)


def page(code: int, detail: str = "", *, retry_after: int | None = None, **more: Any) -> Response:
    """The error page for `code`; `detail` takes the place of its usual words, `retry_after` is in seconds.

    `more` may hold the address to go on at (`again_url`), and what was `typed`.
    """
    g.asks_nobody = True
    minutes = math.ceil(retry_after / 60) if retry_after else 0
    response = make_response(
        render_template("errors/error.html", code=code, detail=detail, minutes=minutes, **more), code
    )
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


def _refused(error: HTTPException) -> Response:
    """What Flask itself refuses: wrong address or method, too large, without a form token."""
    response = page(error.code or InternalServerError.code)
    for name, value in error.get_headers(request.environ):
        if name.lower() not in {"content-type", "content-length"}:
            response.headers[name] = value
    return response


def _out_of_date(_error: CSRFError) -> Response:
    """A form whose session is over, or somebody else's by now: what was typed is handed back, not taken."""
    here = own_page(request.full_path.rstrip("?"))
    words = _(
        "This page was open for a long time, or somebody signed in or out here since. Load it anew, and send "
        "it once more."
    )
    return page(400, words, again_url=here or page_before(), typed=_typed(request.form) if here else [])


def _typed(form: MultiDict[str, str]) -> list[str]:
    return [
        value
        for name, value in form.items(multi=True)
        if value.strip() and name not in _NOT_TYPED and "password" not in name
    ]


def _not_found(error: NotFound) -> Response:
    return page(404, "" if error.message == NotFound.__doc__ else told(error))


def _rule_broken(error: RuleBroken) -> Response:
    return page(409, told(error))


def _too_many(error: TooMany) -> Response:
    return page(429, retry_after=error.retry_after)


def _not_signed_in(error: NotSignedIn) -> Response:
    """Send people to where they can come in, and back to the page they wanted if it was one to look at."""
    if isinstance(error, OrganizerNeeded):
        wanted = request.full_path.rstrip("?") if request.method == "GET" else None
        door = url_for("signin.sign_in", next=wanted)
    else:
        flash(_("Open the link from your letter, or ask for a new one here."), "info")
        door = url_for("signin.find")
    if "HX-Request" in request.headers:
        return Response(status=401, headers={"HX-Redirect": door})
    return current_app.make_response(redirect(door, 303))


def _database_away(error: Exception) -> Response:
    logger.error("the database is busy or away", extra={"cause": _cause(error)})
    return page(503, retry_after=_TRY_AGAIN_SECONDS)


def _broken(error: InternalServerError) -> Response:
    """Something unforeseen; Flask has logged it. A session that could not be saved also ends here."""
    if isinstance(error.original_exception, _DATABASE_AWAY):
        return _database_away(error.original_exception)
    return page(500)


def _cause(error: Exception) -> str:
    """The driver's own words; the statement and its values stay out of the log."""
    return str(getattr(error, "orig", None) or type(error).__name__)
