"""Where to go next: only ever to a page of our own."""

from __future__ import annotations

import pytest
from flask import Flask

from sneaky.web.redirects import own_page, page_before


@pytest.mark.parametrize("target", ["/", "/exchanges", "/exchanges/new", "/exchanges?page=2", "/privacy"])
def test_a_page_of_ours_may_be_next(app: Flask, target: str) -> None:
    with app.test_request_context():
        assert own_page(target) == target


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "exchanges",
        "https://evil.example/",
        "//evil.example/exchanges",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/exchanges\r\nSet-Cookie: x=1",
        "/exchanges\t",
        "/\0",
        "javascript:alert(1)",
        "/nowhere",
        "/sign-out",
        "http:/exchanges",
        " /exchanges",
        "/static",
    ],
)
def test_anything_else_may_not(app: Flask, target: str | None) -> None:
    with app.test_request_context():
        assert own_page(target) is None


def test_a_fragment_is_dropped(app: Flask) -> None:
    with app.test_request_context():
        assert own_page("/exchanges?page=2#x") == "/exchanges?page=2"


@pytest.mark.parametrize(
    ("referrer", "before"),
    [
        ("http://localhost/privacy?x=1", "/privacy?x=1"),
        ("https://evil.example/privacy", None),
        ("http://localhost.evil.example/privacy", None),
        ("http://localhost/nowhere", None),
        ("", None),
        ("http://[broken", None),
        ("http://localhost//evil.example/", None),
    ],
)
def test_the_page_before_is_one_of_ours_or_none(app: Flask, referrer: str, before: str | None) -> None:
    with app.test_request_context(headers={"Referer": referrer}):
        assert page_before() == before
