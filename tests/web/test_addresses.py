"""The addresses that templates ask for."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import BuildError

from sneaky.web import addresses
from tests.factories import an_organizer
from tests.web.signing_in import sign_in_organizer


@pytest.fixture
def built(app: Flask, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The endpoints of the addresses that were worked out; none is remembered yet."""
    addresses._remembered.cache_clear()
    asked: list[str] = []
    url_for = app.url_for

    def noted(endpoint: str, **values: Any) -> str:
        asked.append(endpoint)
        return url_for(endpoint, **values)

    monkeypatch.setattr(app, "url_for", noted)
    return asked


def asked(app: Flask, call: str, *, root: str = "") -> str:
    with app.test_request_context(environ_overrides={"SCRIPT_NAME": root}):
        return app.jinja_env.from_string(f"{{{{ url_for({call}) }}}}").render()


@pytest.mark.parametrize("page", ["/exchanges/%00", "/exchanges?q=%00", "/j/%00", "/find?next=a%00b"])
def test_there_is_nothing_where_an_address_holds_nul(client: FlaskClient, page: str) -> None:
    sign_in_organizer(client, an_organizer())
    assert client.get(page).status_code == 404


def test_an_address_with_no_more_than_a_public_id_is_worked_out_once(app: Flask, built: list[str]) -> None:
    for _ in range(2):
        assert asked(app, "'organizer.dashboard'") == "/exchanges"
        assert asked(app, "'organizer.rules', public_id='abc'") == "/exchanges/abc/rules"
        assert asked(app, "'organizer.rules', public_id='xyz'") == "/exchanges/xyz/rules"
    assert len(built) == 3


def test_below_another_root_it_is_another_address(app: Flask) -> None:
    assert asked(app, "'organizer.dashboard'") == "/exchanges"
    assert asked(app, "'organizer.dashboard'", root="/klaus") == "/klaus/exchanges"


def test_an_address_with_anything_else_in_it_is_not_remembered(app: Flask, built: list[str]) -> None:
    for token in ("first", "first", "second"):
        assert token in asked(app, f"'public.join', token='{token}'")
    assert len(built) == 3


def test_a_page_that_is_not_there_is_told(app: Flask) -> None:
    with pytest.raises(BuildError):
        asked(app, "'organizer.nowhere'")
