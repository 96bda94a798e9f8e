"""Forms are taken from pages of ours only."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tests.web.signing_in import csrf_token

# Everything that may be sent without a token, each for a reason of its own.
OPEN = {
    "public.unsubscribe",  # one click in a mail program; the token stands in the address
    "public.resend_event",  # Resend's server; it signs what it sends
}


def unsafe_paths(app: Flask) -> list[tuple[str, str, str]]:
    found = []
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<any\((\w+)[^>]*>", r"\1", rule.rule)
        path = re.sub(r"<[^>]+>", "1", path)
        found += [
            (rule.endpoint, method, path) for method in (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}
        ]
    return found


def test_every_unsafe_request_needs_a_token(app: Flask, client: FlaskClient) -> None:
    paths = unsafe_paths(app)
    assert len(paths) > 10
    for endpoint, method, path in paths:
        answer = client.open(path, method=method)
        assert (answer.status_code == 400) == (endpoint not in OPEN), (endpoint, answer.status_code)


@pytest.mark.parametrize("token", ["", "x", "IjAi.x.y"])
def test_a_made_up_token_is_refused(client: FlaskClient, token: str) -> None:
    client.get("/sign-in")
    assert client.post("/sign-in", data={"csrf_token": token}).status_code == 400


def test_the_token_of_another_browser_is_refused(app: Flask, client: FlaskClient) -> None:
    foreign = csrf_token(app.test_client().get("/sign-in").text)
    client.get("/sign-in")
    assert client.post("/sign-in", data={"csrf_token": foreign}).status_code == 400


def test_a_token_without_its_cookie_is_refused(client: FlaskClient) -> None:
    token = csrf_token(client.get("/sign-in").text)
    client.delete_cookie("sneaky")
    assert client.post("/sign-in", data={"csrf_token": token}).status_code == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 422),
        ({"Sec-Fetch-Site": "same-origin"}, 422),
        ({"Sec-Fetch-Site": "none"}, 422),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
        ({"Origin": "http://localhost"}, 422),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "https://localhost"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_even_with_a_token_only_our_own_pages_count(
    client: FlaskClient, headers: dict[str, str], status: int
) -> None:
    token = csrf_token(client.get("/sign-in").text)
    assert client.post("/sign-in", data={"csrf_token": token}, headers=headers).status_code == status


def test_behind_a_proxy_that_ends_https_the_configured_origin_counts(https_app: Flask) -> None:
    client = https_app.test_client()
    shared = {"base_url": "http://klaus.example.org"}
    token = csrf_token(client.get("/sign-in", **shared).text)
    client.set_cookie("__Host-sneaky", _cookie(client), domain="klaus.example.org")
    answer = client.post(
        "/sign-in", data={"csrf_token": token}, headers={"Origin": "https://klaus.example.org"}, **shared
    )
    assert answer.status_code == 422


def _cookie(client: FlaskClient) -> str:
    cookie = client.get_cookie("__Host-sneaky", domain="klaus.example.org")
    assert cookie is not None
    return cookie.value


def test_links_from_elsewhere_may_still_be_followed(client: FlaskClient) -> None:
    assert client.get("/sign-in", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_each_browser_has_a_token_of_its_own_and_keeps_it(app: Flask) -> None:
    one, other = app.test_client(), app.test_client()
    tokens = [csrf_token(browser.get("/sign-in").text) for browser in (one, one, other, one)]
    assert tokens[0] == tokens[1] == tokens[3] != tokens[2]


def test_a_token_lives_as_long_as_its_session(client: FlaskClient) -> None:
    with time_machine.travel(datetime(2026, 12, 1, tzinfo=UTC), tick=False) as clock:
        token = csrf_token(client.get("/sign-in").text)
        for _ in range(2):
            assert client.post("/sign-in", data={"csrf_token": token}).status_code == 422
            clock.shift(12 * 3600)
        clock.shift(1)
        assert client.post("/sign-in", data={"csrf_token": token}).status_code == 400


def test_a_script_may_send_the_token_in_a_header(client: FlaskClient) -> None:
    token = csrf_token(client.get("/sign-in").text)
    assert client.post("/sign-in", headers={"X-CSRFToken": token}).status_code == 422
