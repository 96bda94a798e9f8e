"""Signing a test browser in without a door: the session row and its cookie are made directly."""

from __future__ import annotations

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sneaky.access import sessions
from sneaky.web.session_interface import cookie_name


def sign_in_organizer(client: FlaskClient, organizer_id: int) -> None:
    """Make `client` the browser of this organizer."""
    _sign_in(client, organizer_id=organizer_id)


def sign_in_participant(client: FlaskClient, participant_id: int) -> None:
    """Make `client` the browser of this participant."""
    _sign_in(client, participant_id=participant_id)


def _sign_in(client: FlaskClient, **who: int) -> None:
    with client.application.app_context():
        old = client.get_cookie(cookie_name())
        started = sessions.rotate(old.value if old else None, **who, data={})
        client.set_cookie(cookie_name(), started.cookie)


def csrf_token(page: str) -> str:
    """The form token of a page; it is good for every form of this browser."""
    mark = 'name="csrf_token" value="'
    start = page.index(mark) + len(mark)
    return page[start : page.index('"', start)]


def press(client: FlaskClient, path: str, *, on: str | None = None, **typed: str) -> TestResponse:
    """POST a form as a browser does that has loaded the page `on` (default: `path` itself)."""
    token = csrf_token(client.get(on or path).text)
    return client.post(path, data={"csrf_token": token, **typed})
