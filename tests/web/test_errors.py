"""Error pages: in words, with the right status, asking nobody, telling no secrets."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask, abort, session
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import RequestedRangeNotSatisfiable

import sneaky.app
from sneaky.core.db import db, engine_options, transaction
from sneaky.core.errors import Forbidden, NotFound, RuleBroken, TooMany
from sneaky.core.settings import Settings
from sneaky.web.guards import organizer_only, participant_only
from tests.factories import an_organizer
from tests.web.signing_in import sign_in_organizer

LOCKED = OperationalError(
    "SELECT secret_column", {"email": "ann@example.org"}, sqlite3.OperationalError("database is locked")
)


def failing(app: Flask, error: Exception) -> FlaskClient:
    def fail() -> str:
        raise error

    app.add_url_rule("/fail", view_func=fail)
    return app.test_client()


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (NotFound(), 404, "No such address"),
        (NotFound("This link is not valid any more."), 404, "This link is not valid any more."),
        (Forbidden(), 403, "not for you"),
        (RuleBroken("Draw first."), 409, "Draw first."),
        (TooMany(retry_after=61), 429, "Try again in 2 minutes"),
        (TooMany(retry_after=60), 429, "Try again in 1 minute."),
        (LOCKED, 503, "Back in a moment"),
        (InterfaceError("SELECT secret_column", {}, Exception("gone")), 503, "Back in a moment"),
        (PoolTimeout("pool"), 503, "Back in a moment"),
        (RuntimeError("secret_column"), 500, "We slipped on the ice"),
    ],
)
def test_an_error_becomes_a_page(app: Flask, error: Exception, status: int, words: str) -> None:
    answer = failing(app, error).get("/fail")
    assert answer.status_code == status
    assert words in answer.text
    assert answer.mimetype == "text/html"
    for secret in ("secret_column", "ann@example.org", "Traceback", "RuntimeError"):
        assert secret not in answer.text


@pytest.mark.parametrize(("retry_after", "status"), [("61", 429), ("30", 503)])
def test_who_should_wait_is_told_how_long(app: Flask, retry_after: str, status: int) -> None:
    error = TooMany(retry_after=61) if status == 429 else LOCKED
    assert failing(app, error).get("/fail").headers["Retry-After"] == retry_after


def test_what_a_page_says_is_escaped(app: Flask) -> None:
    text = failing(app, RuleBroken("<script>alert(1)</script>")).get("/fail").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_the_log_names_the_cause_and_no_values(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    failing(app, LOCKED).get("/fail")
    (record,) = [record for record in caplog.records if record.name == "sneaky.web.errors"]
    assert vars(record)["cause"] == "database is locked"
    assert "ann@example.org" not in caplog.text


@pytest.mark.parametrize(
    "path", ["/nowhere", "/exchanges/x/y/z", "/static/nothing.css", "/m/", "/%00", "/m/%0d%0aX:1"]
)
def test_unknown_addresses_have_a_page(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "<h1>" in answer.text


def test_a_wrong_method_is_told_the_right_ones(client: FlaskClient) -> None:
    answer = client.post("/healthz")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    assert "<h1>" in answer.text


def test_errors_that_bring_their_own_answer_keep_it(app: Flask) -> None:
    app.add_url_rule("/own", view_func=lambda: abort(app.response_class("as it is", 418)))
    answer = app.test_client().get("/own")
    assert (answer.status_code, answer.text) == (418, "as it is")


def test_headers_of_an_error_stay(app: Flask) -> None:
    answer = failing(app, RequestedRangeNotSatisfiable(7)).get("/fail")
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == "bytes */7"


def test_bodies_are_at_most_a_mebibyte(client: FlaskClient) -> None:
    answer = client.post("/sign-in", data={"email": "x" * (1024 * 1024 + 1)})
    assert answer.status_code == 413
    assert "Too big" in answer.text


def test_a_page_for_errors_asks_no_database(app: Flask) -> None:
    client = failing(app, LOCKED)
    sign_in_organizer(client, an_organizer())
    asked: list[str] = []
    event.listen(
        db.engine, "before_cursor_execute", lambda _c, _cursor, statement, *_rest: asked.append(statement)
    )
    assert client.get("/fail").status_code == 503
    assert asked == []


@pytest.mark.sqlite
def test_a_locked_database_answers_503_and_recovers(
    app_with: Callable[..., Flask], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient = engine_options(settings.database_url) | {"connect_args": {"timeout": 0.05}}
    monkeypatch.setattr(sneaky.app, "engine_options", lambda _url: impatient)
    app = app_with()
    client = app.test_client()
    sign_in_organizer(client, an_organizer())
    app.add_url_rule("/write", view_func=lambda: str(session.update(n=1)))
    blocker = sqlite3.connect(Path(settings.data_dir) / "sneaky.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    try:
        answer = client.get("/write")
        assert answer.status_code == 503, "also when only the session could not be saved"
        assert answer.headers["Retry-After"] == "30"
    finally:
        blocker.close()
    assert client.get("/write").status_code == 200


@pytest.mark.parametrize(
    ("guard", "door"), [(organizer_only, "/sign-in?next=/page?n%3D1"), (participant_only, "/find")]
)
def test_who_is_not_signed_in_is_led_to_the_door(
    app: Flask, guard: Callable[[Callable[[], str]], Callable[[], str]], door: str
) -> None:
    app.add_url_rule("/page", view_func=guard(lambda: "secret"))
    answer = app.test_client().get("/page?n=1")
    assert answer.status_code == 303
    assert answer.headers["Location"] == door
    assert "secret" not in answer.text


def test_what_was_posted_is_not_a_page_to_come_back_to(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/page", view_func=organizer_only(lambda: "secret"), methods=["HEAD", "OPTIONS"])
    assert client.options("/page").headers["Location"] == "/sign-in"


def test_a_region_that_renews_itself_leads_the_whole_page_to_the_door(
    app: Flask, client: FlaskClient
) -> None:
    app.add_url_rule("/region", view_func=organizer_only(lambda: "secret"))
    answer = client.get("/region", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.text) == (401, "")
    assert answer.headers["HX-Redirect"] == "/sign-in?next=/region"


def test_an_error_outside_leaves_no_transaction_open(app: Flask) -> None:
    def fail() -> str:
        with transaction():
            raise RuntimeError("planned")

    app.add_url_rule("/fail", view_func=fail)
    assert app.test_client().get("/fail").status_code == 500
    an_organizer()
