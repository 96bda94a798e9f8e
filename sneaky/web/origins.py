"""Who may send us a form: a page of ours, with the token we gave it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

from flask import Flask, abort, current_app, g, request, session
from flask_wtf.csrf import CSRFProtect, generate_csrf

from sneaky.core.crypto import keyring
from sneaky.core.settings import settings

V = TypeVar("V", bound=Callable[..., Any])

_KEPT = 512
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_csrf = CSRFProtect()
_open_views: set[Callable[..., Any]] = set()


def init_app(app: Flask) -> None:
    """Check the origin and the token of every request that may change something."""
    # The token lives as long as its session; and instead of a Referer, which some browsers withhold, we read
    # what says the same without telling the path.
    app.config.update(WTF_CSRF_TIME_LIMIT=None, WTF_CSRF_SSL_STRICT=False)
    app.before_request(_refuse_foreign_pages)
    _csrf.init_app(app)
    app.jinja_env.globals.update(csrf_token=_form_token)


def takes_foreign_requests(view: V) -> V:
    """Let a view take requests without token or origin, such as a mail program's one-click unsubscribe.

    The view must know by other means that the request is meant, and stand directly below its route.
    """
    _csrf.exempt(view)
    _open_views.add(view)
    return view


def _form_token() -> str:
    """The token of this page; every form on it carries the same."""
    if "form_token" not in g:
        known = session.get("csrf_token")
        g.form_token = _signed(known, keyring().fingerprint) if known else generate_csrf()
    token: str = g.form_token
    return token


@lru_cache(maxsize=_KEPT)
def _signed(_token: str, _key: str) -> str:
    """The token of this browser, signed once with a key and not at each page: ours do not run out."""
    token: str = generate_csrf()
    return token


def _refuse_foreign_pages() -> None:
    """Refuse what another site's page sends; browsers say so in Sec-Fetch-Site, older ones in Origin."""
    if (
        request.method in _SAFE_METHODS
        or current_app.view_functions.get(request.endpoint or "") in _open_views
    ):
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None:
        is_ours = site in {"same-origin", "none"}
    else:
        is_ours = origin in {None, settings().base_url, f"{request.scheme}://{request.host}"}
    if not is_ours:
        abort(403)
