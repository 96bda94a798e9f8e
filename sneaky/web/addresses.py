"""The addresses of pages, of which every page asks for a score."""

from __future__ import annotations

from functools import lru_cache

from flask import Flask, abort, request, url_for
from markupsafe import Markup, escape

_KEPT = 1024


def init_app(app: Flask) -> None:
    """Let templates ask us for addresses, and pass over what is none of ours."""
    app.before_request(_refuse_nul)
    app.jinja_env.globals["url_for"] = address


def address(endpoint: str, **values: object) -> Markup:
    """Flask's `url_for` as it stands on a page; what holds a public id at most is remembered.

    Other addresses may be secrets.

    Raises `BuildError` for a page that is not there.
    """
    if values.keys() <= {"public_id"} and not endpoint.startswith("."):
        return _remembered(request.script_root, endpoint, **values)
    return escape(url_for(endpoint, **values))  # type: ignore[arg-type]


def _refuse_nul() -> None:
    """No page has NUL in its address, and PostgreSQL would refuse to look for it with an error."""
    if "\0" in request.path or b"%00" in request.query_string:
        abort(404)


@lru_cache(maxsize=_KEPT)
def _remembered(_root: str, endpoint: str, **values: object) -> Markup:
    return escape(url_for(endpoint, **values))  # type: ignore[arg-type]
