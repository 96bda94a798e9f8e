"""The browser of an admin, for tests of the operations pages."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from tests.factories import an_organizer
from tests.web.signing_in import sign_in_organizer

JSON = {"Accept": "application/json"}


def an_admins_browser(app: Flask, **values: Any) -> FlaskClient:
    """A browser in which the admin of the instance is signed in."""
    client = app.test_client()
    sign_in_organizer(client, an_organizer(is_admin=True, **values))
    return client


def code(text: str) -> str:
    """An id as the pages write it: a narrow screen may break it after its underscores, and nowhere else."""
    return f"<code>{text.replace('_', '_<wbr>')}</code>"
