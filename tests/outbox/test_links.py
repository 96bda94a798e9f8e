"""Magic links: minted, rebuilt, and never stored."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, select

from sneaky.core import tokens
from sneaky.core.clock import now
from sneaky.core.crypto import KEYRING, Keyring
from sneaky.core.db import db, transaction
from sneaky.models import MagicToken, Participant, TokenPurpose
from sneaky.outbox import links
from tests.factories import a_participant, an_exchange, an_organizer

START = datetime(2026, 12, 1, 12, tzinfo=UTC)


def a_link(purpose: TokenPurpose = TokenPurpose.SIGN_IN, browser: str | None = None) -> links.Minted:
    with transaction():
        return links.mint(purpose, lifetime=timedelta(minutes=15), browser=browser)


def rotate(app: Flask, *, keeps_old: bool) -> None:
    ring: Keyring = app.extensions[KEYRING]
    older = (ring.current,) if keeps_old else ()
    app.extensions[KEYRING] = dataclasses.replace(ring, current=b"x" * 32, older=older)


def test_token_is_rebuilt_and_not_stored(any_app: Flask) -> None:
    minted = a_link(browser="browser-secret")
    assert links.token_of(minted.token_id) == minted.token
    row = db.session.get(MagicToken, minted.token_id)
    assert row is not None
    stored = [str(getattr(row, column.key)) for column in MagicToken.__table__.columns]
    assert row.token_hash == tokens.digest(minted.token)
    assert not any(secret in stored for secret in (minted.token, minted.code, "browser-secret"))


def test_links_differ(app: Flask) -> None:
    made = [a_link(), a_link(), a_link(TokenPurpose.MATCH)]
    assert len({minted.token for minted in made}) == 3


def test_link_is_minted_only_inside_a_transaction(app: Flask) -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        links.mint(TokenPurpose.SIGN_IN, lifetime=timedelta(minutes=15))


def test_link_ends_after_its_lifetime_or_at_an_instant(app: Flask) -> None:
    with time_machine.travel(START, tick=False), transaction():
        links.mint(TokenPurpose.SIGN_IN, lifetime=timedelta(minutes=15))
        links.mint(TokenPurpose.SIGN_IN, until=START + timedelta(days=7))
    ends = db.session.scalars(select(MagicToken.expires_at).order_by(MagicToken.id)).all()
    assert ends == [START + timedelta(minutes=15), START + timedelta(days=7)]


@pytest.mark.parametrize("options", [{}, {"lifetime": timedelta(1), "until": now()}])
def test_link_needs_one_end(app: Flask, options: dict[str, object]) -> None:
    with transaction(), pytest.raises(ValueError, match="how long"):
        links.mint(TokenPurpose.SIGN_IN, **options)  # type: ignore[arg-type]


def test_link_remembers_whom_it_is_for(app: Flask) -> None:
    organizer_id = an_organizer()
    exchange_id = an_exchange(organizer_id)
    participant_id = a_participant(exchange_id)
    with transaction() as session:
        minted = links.mint(
            TokenPurpose.MATCH,
            lifetime=timedelta(days=1),
            participant_id=participant_id,
            organizer_id=organizer_id,
            exchange_id=exchange_id,
            email="ann@example.org",
        )
        row = session.get(MagicToken, minted.token_id)
    assert row is not None
    assert (row.participant_id, row.organizer_id, row.exchange_id, row.email) == (
        participant_id,
        organizer_id,
        exchange_id,
        "ann@example.org",
    )


def test_many_links_are_made_in_the_order_of_their_readers(any_app: Flask) -> None:
    exchange_id = an_exchange()
    readers = [(a_participant(exchange_id), f"reader{number}@example.org") for number in range(5)]
    with transaction():
        ids = links.mint_many(TokenPurpose.MATCH, until=START, exchange_id=exchange_id, readers=readers)
    rows = [db.session.get_one(MagicToken, token_id) for token_id in ids]
    assert [(row.participant_id, row.email) for row in rows] == readers
    assert all(row.expires_at == START and row.exchange_id == exchange_id for row in rows)
    assert {links.token_of(row.id) for row in rows} == {links.rebuild(row) for row in rows}
    assert len({row.token_hash for row in rows}) == 5


def test_code_comes_with_the_asking_browser_only(app: Flask) -> None:
    without, having = a_link(), a_link(browser="browser-secret")
    assert without.code is None
    assert links.code_of(without.token_id) is None
    assert having.code is not None
    assert links.code_of(having.token_id) == having.code
    row = db.session.get(MagicToken, having.token_id)
    assert row is not None
    assert row.code_hash == links.hash_code(having.code, "browser-secret")
    assert row.code_hash != links.hash_code(having.code, "another-browser")
    assert row.browser_hash == tokens.digest("browser-secret")


def test_unknown_link_has_no_token(app: Flask) -> None:
    assert links.token_of(99) is None
    assert links.code_of(99) is None


def test_link_survives_a_new_secret_key(app: Flask) -> None:
    minted = a_link()
    rotate(app, keeps_old=True)
    assert links.token_of(minted.token_id) == minted.token
    rotate(app, keeps_old=False)
    assert links.token_of(minted.token_id) is None


def test_join_token_changes_with_its_nonce(app: Flask) -> None:
    assert links.join_token("abc", "n1") == links.join_token("abc", "n1")
    assert len({links.join_token(*pair) for pair in (("abc", "n1"), ("abc", "n2"), ("abd", "n1"))}) == 3


def test_unsubscribe_token_leads_back_to_its_participant(app: Flask) -> None:
    exchange_id = an_exchange()
    ann, bob = a_participant(exchange_id), a_participant(exchange_id)
    token = links.unsubscribe_token(ann)
    assert links.participant_of_unsubscribe(token) == ann
    assert token == links.unsubscribe_token(ann)
    public_id = db.session.scalars(select(Participant.public_id).where(Participant.id == bob)).one()
    for forged in ("", "x", public_id, public_id + token[22:], token[:-1], token + "x"):
        assert links.participant_of_unsubscribe(forged) is None
    rotate(app, keeps_old=True)
    assert links.participant_of_unsubscribe(token) == ann
    with transaction() as session:
        session.execute(delete(Participant).where(Participant.id == ann))
    assert links.participant_of_unsubscribe(token) is None


@pytest.mark.parametrize(
    ("purpose", "path"),
    [
        (TokenPurpose.SETUP, "/setup/abc"),
        (TokenPurpose.SIGN_IN, "/m/abc"),
        (TokenPurpose.MATCH, "/m/abc"),
        (TokenPurpose.CONFIRM_REGISTRATION, "/m/abc"),
        (TokenPurpose.PASSWORD_RESET, "/reset/abc"),
        (TokenPurpose.ORGANIZER_INVITATION, "/invitation/abc"),
    ],
)
def test_every_purpose_has_its_path(purpose: TokenPurpose, path: str) -> None:
    assert links.path_of(purpose, "abc") == path


def test_addresses_start_with_the_base_url(app: Flask) -> None:
    assert links.url("/me") == "http://localhost/me"
