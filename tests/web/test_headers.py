"""What every response tells the browser about safety, and how long anything may be kept."""

from __future__ import annotations

import gzip
import os
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers

from sneaky.web import files
from tests.factories import an_organizer
from tests.web.signing_in import sign_in_organizer

PACKED = {"Accept-Encoding": "gzip, br"}
PATHS = ["/", "/sign-in", "/nowhere", "/static/klaus.css", "/healthz", "/exchanges", "/m/x", "/u/x"]


def headers_of(client: FlaskClient, path: str, **options: str) -> Headers:
    with client.get(path, **options) as answer:
        return answer.headers


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_safe_headers(client: FlaskClient, path: str) -> None:
    headers = headers_of(client, path)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "Strict-Transport-Security" not in headers
    assert "Server" not in headers


@pytest.mark.parametrize("path", PATHS)
def test_scripts_and_styles_come_from_our_files_only(client: FlaskClient, path: str) -> None:
    policy = dict(
        part.strip().split(" ", 1) for part in headers_of(client, path)["Content-Security-Policy"].split(";")
    )
    assert policy.pop("img-src") == "'self' data:"
    for name in ("default-src", "frame-ancestors", "base-uri"):
        assert policy.pop(name) == "'none'"
    assert set(policy) >= {"script-src", "style-src", "form-action"}
    assert set(policy.values()) == {"'self'"}


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH", "TRACE"])
def test_refusals_carry_them_too(client: FlaskClient, method: str) -> None:
    answer = client.open("/sign-in", method=method)
    assert answer.status_code >= 400
    assert "Content-Security-Policy" in answer.headers


def test_over_https_browsers_are_held_to_https(https_app: Flask) -> None:
    for path in ("/", "/nowhere", "/static/klaus.css"):
        headers = headers_of(https_app.test_client(), path, base_url="https://klaus.example.org")
        assert int(re.findall(r"max-age=(\d+)", headers["Strict-Transport-Security"])[0]) >= 31_536_000


def test_pages_are_kept_by_nobody_and_files_for_a_while(client: FlaskClient) -> None:
    sign_in_organizer(client, an_organizer())
    for path in ("/sign-in", "/nowhere", "/healthz"):
        assert headers_of(client, path)["Cache-Control"] == "no-store"


def test_a_file_is_kept_under_the_name_of_its_version(client: FlaskClient) -> None:
    (versioned,) = re.findall(r'href="(/static/klaus\.css\?v=[0-9a-f]{10})"', client.get("/sign-in").text)
    assert "immutable" in headers_of(client, versioned)["Cache-Control"]
    assert headers_of(client, "/static/klaus.css")["Cache-Control"] == "no-cache"
    assert headers_of(client, "/static/nothing.css?v=1")["Cache-Control"] == "no-cache"


def test_a_file_is_not_kept_under_the_name_of_another_version(client: FlaskClient) -> None:
    """During an update a new page may ask a process of the old version, and an old page one of the new."""
    for version in ("0123456789", "", "v"):
        assert headers_of(client, f"/static/klaus.css?v={version}")["Cache-Control"] == "no-cache"


def test_a_file_has_another_address_once_it_has_changed(tmp_path: Path) -> None:
    file = tmp_path / "klaus.css"
    file.write_text("a")
    before = files.file_url(str(tmp_path), "/static", "klaus.css")
    file.write_text("b")
    os.utime(file, (1, 1))
    assert files.file_url(str(tmp_path), "/static", "klaus.css") != before
    with pytest.raises(FileNotFoundError):
        files.file_url(str(tmp_path), "/static", "nothing.css")


@pytest.mark.parametrize("name", ["klaus.css", "klaus.js", "favicon.svg", "vendor/htmx.min.js"])
def test_text_files_are_packed_for_browsers_that_take_it(client: FlaskClient, name: str) -> None:
    with client.get(f"/static/{name}") as plain, client.get(f"/static/{name}", headers=PACKED) as packed:
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.data) == plain.data
        assert "Content-Encoding" not in plain.headers
        assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
        tag = packed.headers["ETag"]
    with client.get(f"/static/{name}", headers=PACKED | {"If-None-Match": tag}) as again:
        assert again.status_code == 304


def test_pages_are_never_packed(client: FlaskClient) -> None:
    """A page holds its form token beside what was typed: its packed size would tell of both."""
    for path in ("/", "/sign-in", "/nowhere"):
        assert "Content-Encoding" not in client.get(path, headers=PACKED).headers
