"""What tests of the web start from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import Context
from dataclasses import replace
from typing import Any

import pytest
from argon2 import PasswordHasher, profiles
from flask import Flask, has_app_context
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sneaky.access import passwords
from sneaky.app import create_app
from sneaky.core.db import db
from sneaky.core.settings import Settings


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with the cheapest settings, so that tests do not wait for what protects people."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher.from_parameters(profiles.CHEAPEST))


class Browser(FlaskClient):
    """A browser whose requests share nothing with the test but the database, as in a served app.

    A request inside of the test's own app context would borrow its `g` and its database session.
    """

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request; what the test reads afterwards is read anew."""
        if has_app_context():
            db.session.remove()
        return Context().run(super().open, *args, **kwargs)


@pytest.fixture(autouse=True)
def own_browsers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every test client be a `Browser`."""
    monkeypatch.setattr(Flask, "test_client_class", Browser)


@pytest.fixture
def app_with(settings: Settings) -> Iterator[Callable[..., Flask]]:
    """Makes the app under other settings, in an app context: `app_with(base_url="https://…")`."""
    with ExitStack() as opened:
        yield lambda **changes: opened.enter_context(_running(replace(settings, **changes)))


@contextmanager
def _running(settings: Settings) -> Iterator[Flask]:
    app = create_app(settings)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def https_app(app_with: Callable[..., Any]) -> Flask:
    """The app as it is served in earnest: under a name, over https."""
    app: Flask = app_with(base_url="https://klaus.example.org")
    return app
