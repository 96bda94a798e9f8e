"""The session cookie: what browsers get, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask, flash, get_flashed_messages, session
from flask.testing import FlaskClient
from sqlalchemy import event, select

from sneaky.core.db import db, transaction
from sneaky.models import Exchange, SessionRow
from sneaky.web.guards import browser_session
from tests.factories import a_participant, an_exchange, an_organizer
from tests.web.signing_in import sign_in_organizer, sign_in_participant

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture
def pages(app: Flask) -> Flask:
    """Small pages that do one thing with the session each."""
    views: dict[str, Callable[..., object]] = {
        "/touch": lambda: session.get("n"),
        "/ignore": lambda: "nobody was asked",
        "/count": _count,
        "/flash": lambda: flash("Well done", "ok"),
        "/read": lambda: get_flashed_messages(with_categories=True),
        "/drop": lambda: session.pop("n"),
        "/size": lambda: len(session),
        "/in/<int:who>": lambda who: browser_session().sign_in(organizer_id=who),
        "/out": lambda: browser_session().sign_out(),
    }
    for path, view in views.items():
        app.add_url_rule(path, endpoint=path, view_func=_as_text(view))
    return app


def _as_text(view: Callable[..., object]) -> Callable[..., str]:
    return lambda **values: str(view(**values))


def _count() -> str:
    session["n"] = session.get("n", 0) + 1
    return str(session["n"])


def rows() -> list[SessionRow]:
    db.session.expire_all()
    return list(db.session.scalars(select(SessionRow)))


def statements(app: Flask) -> list[str]:
    """Collects what is asked of the database from now on."""
    asked: list[str] = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *seen: asked.append(seen[2].split()[0]))
    return asked


def test_a_visitor_costs_no_row_and_no_query(pages: Flask, client: FlaskClient) -> None:
    asked = statements(pages)
    assert client.get("/touch").text == "None"
    assert client.get_cookie("sneaky") is None
    assert [client.get("/count").text for _ in range(3)] == ["1", "2", "3"]
    assert asked == []
    assert rows() == []


def test_a_visitors_cookie_cannot_be_changed_or_kept_for_long(pages: Flask, client: FlaskClient) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        client.get("/count")
        cookie = client.get_cookie("sneaky")
        assert cookie is not None
        payload, rest = cookie.value.split(".", 1)
        for forged in (f"{payload}x.{rest}", f"{payload}.{rest}x", "a.b", "."):
            client.set_cookie("sneaky", forged)
            assert client.get("/touch").text == "None"
        client.set_cookie("sneaky", cookie.value)
        clock.shift(86_400)
        assert client.get("/touch").text == "1"
        clock.shift(1)
        assert client.get("/touch").text == "None"


def test_pages_that_ask_nobody_look_nobody_up(pages: Flask, client: FlaskClient) -> None:
    sign_in_organizer(client, an_organizer())
    asked = statements(pages)
    answer = client.get("/ignore")
    assert asked == []
    assert "Cookie" not in answer.headers.get("Vary", "")


def test_whoever_is_signed_in_is_looked_up_by_one_query_and_nothing_is_written(
    pages: Flask, client: FlaskClient
) -> None:
    sign_in_organizer(client, an_organizer())
    asked = statements(pages)
    answer = client.get("/touch")
    # Only the driver of SQLite says BEGIN by a statement.
    assert [word for word in asked if word != "BEGIN"] == ["SELECT"]
    assert "Cookie" in answer.headers["Vary"]
    assert "Set-Cookie" not in answer.headers


def test_data_of_a_person_lives_in_the_row(pages: Flask, client: FlaskClient) -> None:
    sign_in_participant(client, a_participant(an_exchange()))
    assert [client.get("/count").text for _ in range(2)] == ["1", "2"]
    assert rows()[0].data == {"n": 2}
    assert client.get("/size").text == "1"
    client.get("/drop")
    assert rows()[0].data == {}


def test_a_flash_is_shown_once(pages: Flask, client: FlaskClient) -> None:
    for is_signed_in in (False, True):
        if is_signed_in:
            sign_in_organizer(client, an_organizer())
        client.get("/flash")
        assert "Well done" in client.get("/read").text
        assert client.get("/read").text == "[]"


def test_use_is_noted_every_few_minutes_and_not_at_every_request(pages: Flask, client: FlaskClient) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        sign_in_organizer(client, an_organizer())
        clock.shift(299)
        client.get("/touch")
        assert rows()[0].seen_at == NOON
        clock.shift(1)
        client.get("/touch")
        assert rows()[0].seen_at == NOON + timedelta(seconds=300)
        assert rows()[0].expires_at == NOON + timedelta(seconds=300, hours=12)


def test_signing_in_takes_a_new_cookie_and_forgets_what_the_visitor_had(
    pages: Flask, client: FlaskClient
) -> None:
    client.get("/count")
    before = client.get_cookie("sneaky")
    client.get(f"/in/{an_organizer()}")
    after = client.get_cookie("sneaky")
    assert before is not None
    assert after is not None
    assert after.value != before.value
    assert client.get("/touch").text == "None"
    assert len(rows()) == 1


def test_a_cookie_planted_before_is_not_the_one_after(pages: Flask, client: FlaskClient) -> None:
    client.set_cookie("sneaky", "x" * 43)
    client.get(f"/in/{an_organizer()}")
    cookie = client.get_cookie("sneaky")
    assert cookie is not None
    assert cookie.value != "x" * 43


def test_signing_out_ends_the_row_and_the_old_cookie_stays_worthless(
    pages: Flask, client: FlaskClient
) -> None:
    sign_in_organizer(client, an_organizer())
    stolen = client.get_cookie("sneaky")
    assert stolen is not None
    client.get("/out")
    assert rows() == []
    assert client.get_cookie("sneaky") is None
    client.set_cookie("sneaky", stolen.value)
    assert client.get("/touch").text == "None"


def test_a_session_that_ended_elsewhere_is_a_visitors(pages: Flask, client: FlaskClient) -> None:
    sign_in_organizer(client, an_organizer())
    with transaction() as writing:
        for row in writing.scalars(select(SessionRow)):
            writing.delete(row)
    assert client.get("/count").text == "1"
    assert rows() == []
    assert client.get("/count").text == "2"


def test_saving_the_session_commits_nothing_of_the_view(pages: Flask, client: FlaskClient) -> None:
    exchange_id = an_exchange()
    name = db.session.get_one(Exchange, exchange_id).name
    sign_in_organizer(client, an_organizer())

    def forgets_to_commit() -> str:
        db.session.get_one(Exchange, exchange_id).name = "Changed by mistake"
        session["n"] = 1
        return "done"

    pages.add_url_rule("/forgets", view_func=forgets_to_commit)
    assert client.get("/forgets").status_code == 500
    assert rows()[0].data == {}
    assert db.session.get_one(Exchange, exchange_id).name == name


def test_the_cookie_is_shut_off_from_scripts_and_other_sites(pages: Flask, client: FlaskClient) -> None:
    for path in ("/count", f"/in/{an_organizer()}"):
        parts = client.get(path).headers["Set-Cookie"].split("; ")
        assert parts[0].startswith("sneaky=")
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(parts)
        assert not any(part.startswith("Domain") or part == "Secure" for part in parts)


def test_over_https_the_cookie_is_bound_to_host_and_https(https_app: Flask) -> None:
    https_app.add_url_rule("/count", view_func=_count)
    parts = (
        https_app.test_client()
        .get("/count", base_url="https://klaus.example.org")
        .headers["Set-Cookie"]
        .split("; ")
    )
    assert parts[0].startswith("__Host-sneaky=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(parts)
    assert not any(part.startswith("Domain") for part in parts)


def test_a_persons_cookie_lasts_as_long_as_the_session_may(pages: Flask, client: FlaskClient) -> None:
    with time_machine.travel(NOON, tick=False):
        answer = client.get(f"/in/{an_organizer()}")
    assert "Expires=Tue, 08 Dec 2026 12:00:00 GMT" in answer.headers["Set-Cookie"]


def test_the_cookie_name_of_http_means_nothing_over_https(app_with: Callable[..., Flask]) -> None:
    app = app_with(base_url="https://klaus.example.org")
    app.add_url_rule("/count", view_func=_count)
    client = app.test_client()
    client.get("/count", base_url="https://klaus.example.org")
    cookie = client.get_cookie("__Host-sneaky", domain="klaus.example.org")
    assert cookie is not None
    client.delete_cookie("__Host-sneaky", domain="klaus.example.org")
    client.set_cookie("sneaky", cookie.value, domain="klaus.example.org")
    assert client.get("/count", base_url="https://klaus.example.org").text == "1"
