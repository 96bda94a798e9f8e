"""Where to go next: only ever to a page of our own."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import current_app, request
from werkzeug.exceptions import HTTPException

_HIDDEN_MARKS = frozenset("\\\r\n\t\0")


def own_page(target: str | None) -> str | None:
    """`target` as a path of ours that can be looked at; None for anything else, such as another site."""
    if not target or _HIDDEN_MARKS & set(target) or not target.startswith("/") or target.startswith("//"):
        return None
    parts = urlsplit(target)
    try:
        current_app.url_map.bind(request.host).match(parts.path, method="GET")
    except HTTPException:
        return None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def page_before() -> str | None:
    """The page of ours that the person came from, as far as the browser says."""
    referrer = request.referrer or ""
    is_ours = referrer.startswith(request.host_url)
    return own_page("/" + referrer.removeprefix(request.host_url)) if is_ours else None
