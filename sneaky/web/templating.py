"""Jinja as Flask sets it up, but with one set of globals for all templates."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from flask import Flask
from flask.templating import Environment


class SharedGlobals(Environment):
    """An environment in which no template has globals of its own.

    Jinja would chain each template's in front of the shared ones, and go through such a chain key by key, in
    Python, at every import.
    """

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """The globals of every template."""
        if d:
            raise ValueError("a template cannot have globals of its own")
        return self.globals


def init_app(app: Flask) -> None:
    """Choose the environment. This comes first, since Flask makes it when somebody asks for it."""
    app.jinja_environment = SharedGlobals
