"""Whoever steals the database in the middle of a run has no token, cookie, password, match or address."""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from sneaky.access import claims, magic_links, organizers, sessions
from sneaky.core.db import Base, db, transaction
from sneaky.core.errors import NotFound, RuleBroken
from sneaky.exchanges import join_links
from sneaky.letters import catalogue
from sneaky.matches import seals
from sneaky.models import Organizer, SessionRow, TokenPurpose
from sneaky.outbox import delivery, links
from sneaky.web.session_interface import cookie_name
from tests import factories
from tests.upkeep.lives import ADDRESS, MESSAGE, a_full_life, settings_of

PASSWORD = "mulled wine and nutmeg"
BROWSER = "what only the browser that asked knows"
LINK = re.compile(r"http://localhost/(?:m|u|j|setup|reset|invitation)/([\w-]+)")


def lived(app: Flask) -> list[str]:
    """Let everything happen that leaves rows, and collect each secret that people hold in their hands."""
    setup_link = organizers.setup_link()
    assert setup_link is not None
    olga = organizers.set_up(
        setup_link.rpartition("/")[2], name="Olga", email="olga@example.org", password=PASSWORD
    )
    organizers.invite(olga, "otto@example.org")
    organizers.request_password_reset("olga@example.org", ip="192.0.2.1")
    people = a_full_life()
    open_exchange = factories.an_exchange(olga)
    join_links.replace(open_exchange)
    join_link = join_links.current(open_exchange)
    with transaction():
        minted = links.mint(
            TokenPurpose.SIGN_IN, lifetime=timedelta(minutes=15), participant_id=people[0], browser=BROWSER
        )
    magic_links.ask("ann1@example.org", ip="192.0.2.1", browser=BROWSER)
    assert delivery.deliver(catalogue.render).sent > 6
    cookies = [
        sessions.rotate(None, organizer_id=olga, data={}).cookie,
        sessions.rotate(None, participant_id=people[0], data={}).cookie,
    ]
    assert minted.code is not None
    assert join_link is not None
    mailed = set(LINK.findall("\n".join(letters(Path(settings_of(app).mail_url.removeprefix("file:"))))))
    assert len(mailed) > 9
    matches = [f"{seals.recipient_of(person):020d}" for person in people]
    tokens = [setup_link.rpartition("/")[2], join_link.rpartition("/")[2], minted.token]
    secrets = [PASSWORD, BROWSER, minted.code, *cookies, *tokens, *mailed, *matches, MESSAGE]
    return [*secrets, *ADDRESS.splitlines()]


def letters(folder: Path) -> Iterator[str]:
    for file in folder.rglob("*.eml"):
        body = message_from_bytes(file.read_bytes(), policy=policy.default).get_body(("plain",))
        assert body is not None
        yield str(body.get_content())


def forms(secret: str) -> Iterator[bytes]:
    """The ways in which a secret might lie about: as it is, in hex, in base64 of any alignment, decoded."""
    plain = secret.encode()
    yield plain
    yield from (plain.hex().encode(), plain.hex().upper().encode())
    for shift in range(3):
        whole = (len(plain) - shift) // 3 * 3
        if whole > 5:
            yield b64encode(plain[shift : shift + whole])
            yield urlsafe_b64encode(plain[shift : shift + whole])
    if re.fullmatch(r"[\w-]{43}", secret):
        bare = urlsafe_b64decode(secret + "=")
        yield from (bare, bare.hex().encode())


def dump(app: Flask) -> bytes:
    """All that a thief has: every value of every row, and on SQLite each byte of the file and its log."""
    found = []
    for table in Base.metadata.sorted_tables:
        for row in db.session.execute(select(table)):
            found += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    db.session.remove()
    found += [file.read_bytes() for file in settings_of(app).data_dir.glob("sneaky.db*")]
    return b"\n".join(found)


def test_stolen_database_holds_no_secret(any_app: Flask) -> None:
    secrets = lived(any_app)
    stolen = dump(any_app)
    assert b"olga@example.org" in stolen
    assert [secret for secret in secrets if any(form in stolen for form in forms(secret))] == []


def test_a_secret_that_lay_about_would_be_found() -> None:
    for kept in (
        b"x" + PASSWORD.encode(),
        PASSWORD.encode().hex().encode(),
        b64encode(b"xy" + PASSWORD.encode()),
    ):
        assert any(form in kept for form in forms(PASSWORD)), kept
    token = urlsafe_b64encode(bytes(range(32))).rstrip(b"=").decode()
    assert any(form in bytes(range(32)) for form in forms(token))


def test_what_is_stored_signs_nobody_in(any_app: Flask) -> None:
    lived(any_app)
    tables = Base.metadata.sorted_tables
    stored = {str(value) for table in tables for row in db.session.execute(select(table)) for value in row}
    stored |= {
        value.hex()
        for table in tables
        for row in db.session.execute(select(table))
        for value in row
        if isinstance(value, bytes)
    }
    for value in stored:
        assert sessions.load(value) is None
        assert claims.look(value) is None
        assert links.participant_of_unsubscribe(value) is None
        with pytest.raises(NotFound):
            join_links.exchange_of(value)
    for session_id in db.session.scalars(select(SessionRow.id)).all():
        browser = any_app.test_client()
        browser.set_cookie(cookie_name(), session_id)
        for page in ("/me", "/exchanges", "/operations/jobs"):
            assert browser.get(page).status_code in {302, 303}, page
    codes = [value for value in stored if len(value) == 64]
    assert len(codes) > 20
    for number, value in enumerate(codes):
        with pytest.raises(RuleBroken):
            magic_links.redeem_code(value, f"browser {number}")
    for hashed in db.session.scalars(select(Organizer.password_hash)).all():
        with pytest.raises(RuleBroken):
            organizers.sign_in("olga@example.org", hashed, ip="192.0.2.7")
