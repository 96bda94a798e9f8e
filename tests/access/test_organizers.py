"""Organizers come in by password: how they sign in, and how they change it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine
from argon2 import PasswordHasher, profiles
from flask import Flask
from sqlalchemy import select

from sneaky.access import accounts, organizers, passwords, sessions
from sneaky.core.db import db
from sneaky.core.errors import NotFound, RuleBroken, TooMany
from sneaky.models import LetterKind, Organizer
from tests.access.looking import audit_trail, letters, only_letter, stored_tokens, token_in

PASSWORD, OTHER = "correct horse", "battery staple"
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
IP = "192.0.2.7"


@pytest.fixture
def olga(app: Flask) -> int:
    """An organizer with a password."""
    return organizers.create("Olga", "olga@example.org", PASSWORD)


def test_who_is_made_may_sign_in(any_app: Flask) -> None:
    organizer_id = organizers.create("  Olga  O. ", "Olga@Example.org", PASSWORD, is_admin=True)
    profile = organizers.profile(organizer_id)
    assert (profile.name, profile.email, profile.is_admin) == ("Olga O.", "olga@example.org", True)
    assert organizers.sign_in(" OLGA@example.org ", PASSWORD, ip=IP) == organizer_id
    assert organizers.by_email("olga@example.org") == organizer_id


@pytest.mark.parametrize(
    ("name", "email", "password", "field"),
    [
        ("", "otto@example.org", PASSWORD, "name"),
        ("x" * 121, "otto@example.org", PASSWORD, "name"),
        ("O\u202etto", "otto@example.org", PASSWORD, "name"),
        ("Otto", "otto", PASSWORD, "email"),
        ("Otto", "olga@example.org", PASSWORD, "email"),
        ("Otto", "otto@example.org", "short", "password"),
        ("Otto the great", "otto@example.org", "otto the great", "password"),
        ("Otto", "otto@example.org", "otto@example.org", "password"),
    ],
)
def test_bad_input_makes_nobody(olga: int, name: str, email: str, password: str, field: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        organizers.create(name, email, password)
    assert refused.value.field == field
    assert db.session.scalars(select(Organizer.id)).all() == [olga]


def test_a_race_for_an_address_has_one_winner(olga: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "id_of", lambda _email: None)
    with pytest.raises(RuleBroken, match="organizer already"):
        organizers.create("Otto", "olga@example.org", PASSWORD)


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("olga@example.org", "wrong horse!"),
        ("olga@example.org", ""),
        ("olga@example.org", PASSWORD + " "),
        ("olga@example.org", PASSWORD.upper()),
        ("nobody@example.org", PASSWORD),
    ],
)
def test_a_wrong_password_and_an_unknown_address_read_the_same(olga: int, email: str, password: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        organizers.sign_in(email, password, ip=IP)
    assert (refused.value.message, refused.value.field) == (organizers._WRONG, "password")


def test_both_cost_one_hash(olga: int, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str | None] = []

    def is_right(_password: str, stored: str | None) -> bool:
        hashed.append(stored)
        return False

    monkeypatch.setattr(passwords, "is_right", is_right)
    for email in ("olga@example.org", "nobody@example.org"):
        with pytest.raises(RuleBroken):
            organizers.sign_in(email, PASSWORD, ip=IP)
    assert len(hashed) == 2
    assert hashed[0] is not None
    assert hashed[1] is None


def test_signing_in_is_remembered_and_refusals_too(olga: int) -> None:
    with pytest.raises(RuleBroken):
        organizers.sign_in("olga@example.org", "wrong horse!", ip=IP)
    with pytest.raises(RuleBroken):
        organizers.sign_in("nobody@example.org", PASSWORD, ip=IP)
    organizers.sign_in("olga@example.org", PASSWORD, ip=IP)
    assert audit_trail() == [
        ("organizer.created", olga),
        ("organizer.sign_in_refused", olga),
        ("organizer.sign_in_refused", None),
        ("organizer.signed_in", olga),
    ]
    assert db.session.scalars(select(Organizer.signed_in_at)).one() is not None


def test_an_account_is_tried_ten_times_in_five_minutes_from_wherever(olga: int) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        for number in range(10):
            with pytest.raises(RuleBroken):
                organizers.sign_in("ol.ga+x@example.org", "wrong horse!", ip=f"192.0.2.{number}")
        with pytest.raises(TooMany):
            organizers.sign_in("olga@example.org", PASSWORD, ip="198.51.100.1")
        clock.shift(300)
        assert organizers.sign_in("olga@example.org", PASSWORD, ip="198.51.100.1") == olga


def test_a_network_tries_ten_times_in_five_minutes_whichever_account(olga: int) -> None:
    for number in range(10):
        with pytest.raises(RuleBroken):
            organizers.sign_in(f"x{number}@example.org", PASSWORD, ip=f"2001:db8::{number}")
    with pytest.raises(TooMany):
        organizers.sign_in("olga@example.org", PASSWORD, ip="2001:db8::ffff")
    assert organizers.sign_in("olga@example.org", PASSWORD, ip="2001:db8:0:1::1") == olga


def test_a_hash_under_older_settings_is_renewed(olga: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    organizers.sign_in("olga@example.org", PASSWORD, ip=IP)
    stored = db.session.scalars(select(Organizer.password_hash)).one()
    assert "m=64,t=2" in stored
    assert organizers.sign_in("olga@example.org", PASSWORD, ip=IP) == olga
    assert db.session.scalars(select(Organizer.password_hash)).one() == stored
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher.from_parameters(profiles.CHEAPEST))


def test_changing_the_password_ends_every_session(olga: int) -> None:
    cookie = sessions.rotate(None, organizer_id=olga, data={}).cookie
    organizers.change_password(olga, PASSWORD, OTHER)
    assert sessions.load(cookie) is None
    assert organizers.sign_in("olga@example.org", OTHER, ip=IP) == olga
    with pytest.raises(RuleBroken):
        organizers.sign_in("olga@example.org", PASSWORD, ip=IP)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("wrong horse!", OTHER, "old_password"),
        (PASSWORD, "short", "password"),
        (PASSWORD, "olga@example.org", "password"),
    ],
)
def test_a_refused_change_changes_nothing(olga: int, old: str, new: str, field: str) -> None:
    cookie = sessions.rotate(None, organizer_id=olga, data={}).cookie
    with pytest.raises(RuleBroken) as refused:
        organizers.change_password(olga, old, new)
    assert refused.value.field == field
    assert sessions.load(cookie) is not None
    assert organizers.sign_in("olga@example.org", PASSWORD, ip=IP) == olga


def test_the_old_password_cannot_be_guessed_here_either(olga: int) -> None:
    for _ in range(10):
        with pytest.raises(RuleBroken):
            organizers.change_password(olga, "wrong horse!", OTHER)
    with pytest.raises(TooMany):
        organizers.change_password(olga, PASSWORD, OTHER)


def test_a_forgotten_password_is_replaced_by_a_link(any_app: Flask) -> None:
    olga = organizers.create("Olga", "olga@example.org", PASSWORD)
    cookie = sessions.rotate(None, organizer_id=olga, data={}).cookie
    organizers.request_password_reset("OLGA@example.org", ip=IP)
    letter = only_letter(LetterKind.PASSWORD_RESET)
    assert (letter.to_email, letter.organizer_id) == ("olga@example.org", olga)
    assert organizers.reset_password(token_in(letter), OTHER) == olga
    assert sessions.load(cookie) is None
    assert organizers.sign_in("olga@example.org", OTHER, ip=IP) == olga


def test_a_reset_works_once_and_takes_the_other_links_along(olga: int) -> None:
    organizers.request_password_reset("olga@example.org", ip=IP)
    organizers.request_password_reset("olga@example.org", ip=IP)
    first, second = map(token_in, letters())
    organizers.reset_password(first, OTHER)
    for token in (first, second, "made-up"):
        with pytest.raises(NotFound):
            organizers.reset_password(token, PASSWORD)


def test_a_poor_password_does_not_use_the_link_up(olga: int) -> None:
    organizers.request_password_reset("olga@example.org", ip=IP)
    token = token_in(only_letter(LetterKind.PASSWORD_RESET))
    with pytest.raises(RuleBroken):
        organizers.reset_password(token, "short")
    organizers.reset_password(token, OTHER)


def test_a_reset_link_lives_an_hour(olga: int) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        organizers.request_password_reset("olga@example.org", ip=IP)
        token = token_in(only_letter(LetterKind.PASSWORD_RESET))
        clock.shift(3600)
        with pytest.raises(NotFound):
            organizers.reset_password(token, OTHER)


def test_nobody_is_written_to_at_an_unknown_address(olga: int) -> None:
    organizers.request_password_reset("nobody@example.org", ip=IP)
    assert letters() == []
    assert stored_tokens() == []


def test_who_is_gone_has_no_profile(app: Flask) -> None:
    with pytest.raises(NotFound):
        organizers.profile(1)
    with pytest.raises(NotFound):
        organizers.set_password(1, PASSWORD)
    with pytest.raises(NotFound, match="No organizer"):
        organizers.by_email("nobody@example.org")


def test_an_organizer_chooses_name_language_and_zone(olga: int) -> None:
    organizers.change_profile(olga, name="Olga O.", locale="de", zone="Asia/Tokyo")
    profile = organizers.profile(olga)
    assert (profile.name, profile.locale, profile.zone) == ("Olga O.", "de", "Asia/Tokyo")
    for name, locale, zone, field in (
        ("", None, None, "name"),
        ("Olga", "fr", None, "locale"),
        ("Olga", None, "Mars/Olympus", "zone"),
    ):
        with pytest.raises(RuleBroken) as refused:
            organizers.change_profile(olga, name=name, locale=locale, zone=zone)
        assert refused.value.field == field
