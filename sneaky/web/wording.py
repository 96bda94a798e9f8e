"""What rooms say, in the language of the page."""

from __future__ import annotations

from flask import Flask
from flask_babel import format_decimal, gettext

from sneaky.core.errors import SneakyError
from sneaky.executions.explain import explain

# Values that are words of ours; all others were typed by people, or are numbers.
_WORDS = frozenset({"called", "instead", "part", "unit"})


def init_app(app: Flask) -> None:
    """Let templates tell what rooms have said or written down."""
    app.jinja_env.filters.update(told=told, retold=retold)


def told(error: SneakyError) -> str:
    """What went wrong, as the reader of the page understands it."""
    said = str(gettext(error.template))
    if not error.values:
        return said
    return said % {name: _filling(name, value, said) for name, value in error.values.items()}


def retold(sentence: str) -> str:
    """A sentence that a room wrote down, such as why a run was skipped; an unknown one stays as it is."""
    return explain(sentence)


def _filling(name: str, value: object, said: str) -> object:
    if isinstance(value, SneakyError):
        return told(value)
    if isinstance(value, int) and f"%({name})s" in said:  # one that may need to be parted: “10,000”
        return format_decimal(value)
    return gettext(value) if name in _WORDS else value
