"""The addresses of pages, for templates, which ask for a score of them each time."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from flask import Flask, request, url_for

_KEPT = 1024


def init_app(app: Flask) -> None:
    """Let templates ask us for addresses."""
    app.jinja_env.globals["url_for"] = _remembering()


def _remembering() -> Callable[..., str]:
    """Flask's `url_for`, which remembers addresses that hold a public id at most: others may be secrets."""

    @lru_cache(maxsize=_KEPT)
    def built(_root: str, endpoint: str, **values: str) -> str:
        return url_for(endpoint, **values)  # type: ignore[arg-type]

    def address(endpoint: str, **values: object) -> str:
        if values.keys() <= {"public_id"} and not endpoint.startswith("."):
            return built(request.script_root, endpoint, **values)
        return url_for(endpoint, **values)  # type: ignore[arg-type]

    return address
