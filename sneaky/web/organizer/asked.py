"""What an address asks for beside its path, read with care."""

from __future__ import annotations

from flask import request

_MOST_PAGES = 1_000_000


def page_number() -> int:
    """The page of a long list that `?page=` asks for; 1 without one, or for nonsense."""
    return min(max(request.args.get("page", 1, type=int), 1), _MOST_PAGES)


def search_words() -> str:
    """What `?q=` looks for."""
    return request.args.get("q", "").strip()[:200]
