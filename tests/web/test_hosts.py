"""Whose name we answer to, and which proxies we believe."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask, request

from sneaky.core.settings import Settings

AppWith = Callable[..., Flask]


@pytest.fixture
def named(https_app: Flask) -> Flask:
    """An instance with a name of its own, telling who asks."""
    https_app.add_url_rule("/who", view_func=lambda: f"{request.remote_addr} {request.scheme} {request.host}")
    return https_app


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "klaus.example.org.evil.example",
        "evil.klaus.example.org",
        "klaus.example.org@evil.example",
        "192.0.2.1",
        "[2001:db8::1]",
        "",
        "klaus.example.org/evil",
        "klaus.example.org\tevil",
    ],
)
@pytest.mark.parametrize("path", ["/", "/nowhere", "/static/klaus.css", "/healthz"])
def test_a_foreign_host_name_is_refused(named: Flask, host: str, path: str) -> None:
    answer = named.test_client().get(path, headers={"Host": host})
    assert answer.status_code == 400
    assert "evil" not in answer.text
    assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize(
    "host",
    ["klaus.example.org", "KLAUS.example.org:443", "localhost", "127.0.0.1:8000", "[::1]:8000"],
)
def test_our_own_name_and_loopback_are_answered(named: Flask, host: str) -> None:
    assert named.test_client().get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["[2001:db8::7]", "[2001:db8::7]:8000"])
def test_the_name_may_be_an_ipv6_address(app_with: AppWith, host: str) -> None:
    client = app_with(base_url="http://[2001:db8::7]:8000").test_client()
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


FORWARDED = {
    "X-Forwarded-For": "203.0.113.66, 203.0.113.1, 203.0.113.2",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "klaus.example.org",
    "X-Forwarded-Prefix": "/evil",
}


@pytest.mark.parametrize(
    ("proxies", "who"),
    [
        (0, "127.0.0.1 http localhost"),
        (1, "203.0.113.2 https klaus.example.org"),
        (2, "203.0.113.1 http localhost"),
    ],
)
def test_forwarded_headers_count_from_the_right_as_far_as_proxies_are_trusted(
    app_with: AppWith, proxies: int, who: str
) -> None:
    app = app_with(base_url="https://klaus.example.org", trusted_proxies=proxies)
    app.add_url_rule("/who", view_func=lambda: f"{request.remote_addr} {request.scheme} {request.host}")
    assert app.test_client().get("/who", headers=FORWARDED).text == who


def test_a_forwarded_foreign_host_is_refused(app_with: AppWith) -> None:
    client = app_with(base_url="https://klaus.example.org", trusted_proxies=1).test_client()
    assert client.get("/healthz", headers={"X-Forwarded-Host": "evil.example"}).status_code == 400


def test_links_start_with_the_configured_address_whatever_host_asked(
    named: Flask, settings: Settings
) -> None:
    answer = named.test_client().get("/exchanges", headers={"Host": "localhost"})
    assert answer.headers["Location"].startswith("/sign-in")
