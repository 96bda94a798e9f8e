"""The door for people: blueprints, sessions, languages, error pages, headers."""

from __future__ import annotations

from flask import Flask

from sneaky.web import operations, organizer, participant, public, signin


def init_app(app: Flask) -> None:
    """Open the door: every audience's pages, and what all of them share."""
    for audience in (public, signin, organizer, participant, operations):
        app.register_blueprint(audience.blueprint)
