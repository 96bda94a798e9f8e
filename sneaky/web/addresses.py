"""The addresses of pages, of which every page asks for a score."""

from __future__ import annotations

from functools import lru_cache

from flask import Flask, request, url_for
from markupsafe import Markup, escape

_KEPT = 1024


def init_app(app: Flask) -> None:
    """Let templates ask us for addresses."""
    app.jinja_env.globals["url_for"] = address


def address(endpoint: str, **values: object) -> Markup:
    """Flask's `url_for` as it stands on a page; what holds a public id at most is remembered.

    Other addresses may be secrets.

    Raises `BuildError` for a page that is not there.
    """
    if values.keys() <= {"public_id"} and not endpoint.startswith("."):
        return _remembered(request.script_root, endpoint, **values)
    return escape(url_for(endpoint, **values))  # type: ignore[arg-type]


@lru_cache(maxsize=_KEPT)
def _remembered(_root: str, endpoint: str, **values: object) -> Markup:
    return escape(url_for(endpoint, **values))  # type: ignore[arg-type]
