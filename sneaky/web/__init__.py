"""The door for people: blueprints, sessions, languages, error pages, headers."""

from __future__ import annotations

from flask import Flask

from sneaky.core.settings import EXTENSION
from sneaky.web import (
    addresses,
    errors,
    files,
    filters,
    frame,
    headers,
    locales,
    operations,
    organizer,
    origins,
    participant,
    proxies,
    public,
    session_interface,
    signin,
    templating,
    wording,
)

_LARGEST_BODY = 1024 * 1024


def init_app(app: Flask) -> None:
    """Open the door: every audience's pages, and what all of them share."""
    settings = app.extensions[EXTENSION]
    app.config.update(MAX_CONTENT_LENGTH=_LARGEST_BODY, MAX_FORM_MEMORY_SIZE=_LARGEST_BODY)
    templating.init_app(app)
    addresses.init_app(app)
    proxies.init_app(app, settings)
    session_interface.init_app(app)
    origins.init_app(app)
    headers.init_app(app)
    files.init_app(app)
    locales.init_app(app, settings)
    filters.init_app(app)
    wording.init_app(app)
    frame.init_app(app)
    errors.init_app(app)
    for audience in (public, signin, organizer, participant, operations):
        app.register_blueprint(audience.blueprint)
