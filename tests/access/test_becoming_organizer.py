"""How one becomes an organizer: first-run set-up, invitation, open sign-up."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from sneaky.access import organizers
from sneaky.app import create_app
from sneaky.core.db import db, transaction
from sneaky.core.errors import Forbidden, NotFound, RuleBroken, SneakyError
from sneaky.core.settings import Settings
from sneaky.models import LetterKind, Organizer, TokenPurpose
from sneaky.outbox import links
from tests.access.looking import audit_trail, letters, only_letter, token_in

PASSWORD = "correct horse"
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
IP = "192.0.2.7"


def setup_token() -> str:
    link = organizers.setup_link()
    assert link is not None
    return link.removeprefix("http://localhost/setup/")


def count_organizers() -> int:
    return db.session.scalars(select(func.count()).select_from(Organizer)).one()


def test_the_first_organizer_is_admin(any_app: Flask) -> None:
    assert not organizers.is_set_up()
    olga = organizers.set_up(setup_token(), name="Olga", email="olga@example.org", password=PASSWORD)
    assert organizers.is_set_up()
    assert organizers.profile(olga).is_admin
    assert organizers.sign_in("olga@example.org", PASSWORD, ip=IP) == olga


def test_the_set_up_link_stays_the_same_until_it_is_used(any_app: Flask) -> None:
    token = setup_token()
    assert setup_token() == token
    organizers.set_up(token, name="Olga", email="olga@example.org", password=PASSWORD)
    assert organizers.setup_link() is None


def test_a_late_set_up_link_is_replaced(app: Flask) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        late = setup_token()
        clock.shift(7 * 86_400)
        assert setup_token() != late
        with pytest.raises(NotFound):
            organizers.set_up(late, name="Olga", email="olga@example.org", password=PASSWORD)


def test_set_up_is_closed_for_good(any_app: Flask) -> None:
    token = setup_token()
    organizers.set_up(token, name="Olga", email="olga@example.org", password=PASSWORD)
    for again in (token, "made-up", ""):
        with pytest.raises(NotFound):
            organizers.set_up(again, name="Eve", email="eve@example.org", password=PASSWORD)
    assert count_organizers() == 1


def test_an_organizer_from_the_command_line_closes_set_up_too(app: Flask) -> None:
    token = setup_token()
    organizers.create("Olga", "olga@example.org", PASSWORD, is_admin=True)
    assert organizers.setup_link() is None
    with pytest.raises(NotFound):
        organizers.set_up(token, name="Eve", email="eve@example.org", password=PASSWORD)


def test_set_up_closes_although_it_was_open_a_moment_ago(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    organizers.create("Olga", "olga@example.org", PASSWORD, is_admin=True)
    with transaction():
        token = links.mint(TokenPurpose.SETUP, lifetime=timedelta(hours=1)).token
    monkeypatch.setattr(organizers, "open_link", lambda *_args: None)
    with pytest.raises(NotFound):
        organizers.set_up(token, name="Eve", email="eve@example.org", password=PASSWORD)
    monkeypatch.setattr(organizers, "is_set_up", lambda: False)
    assert organizers.setup_link() is None


def test_bad_input_does_not_use_the_link_up(app: Flask) -> None:
    token = setup_token()
    with pytest.raises(RuleBroken):
        organizers.set_up(token, name="Olga", email="olga@example.org", password="short")
    organizers.set_up(token, name="Olga", email="olga@example.org", password=PASSWORD)


def test_fifty_parallel_set_ups_make_one_admin(any_app: Flask) -> None:
    token = setup_token()

    def set_up(number: int) -> bool:
        with any_app.app_context():
            try:
                organizers.set_up(token, name="Olga", email=f"olga{number}@example.org", password=PASSWORD)
            except SneakyError:
                return False
            return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(set_up, range(50))) == 1
    assert count_organizers() == 1


@pytest.fixture
def admin(app: Flask) -> int:
    """The first organizer."""
    return organizers.create("Olga", "olga@example.org", PASSWORD, is_admin=True)


def test_an_invited_address_becomes_an_organizer(any_app: Flask) -> None:
    admin = organizers.create("Olga", "olga@example.org", PASSWORD, is_admin=True)
    organizers.invite(admin, "Otto@Example.org")
    letter = only_letter(LetterKind.ORGANIZER_INVITATION)
    assert (letter.to_email, letter.organizer_id) == ("otto@example.org", admin)
    otto = organizers.accept_invitation(token_in(letter), name="Otto", password=PASSWORD)
    assert organizers.sign_in("otto@example.org", PASSWORD, ip=IP) == otto
    assert not organizers.profile(otto).is_admin
    assert ("organizer.invited", admin) in audit_trail()


def test_an_invitation_works_once_and_a_new_one_takes_its_place(admin: int) -> None:
    organizers.invite(admin, "otto@example.org")
    organizers.invite(admin, "otto@example.org")
    first, second = map(token_in, letters())
    with pytest.raises(NotFound):
        organizers.accept_invitation(first, name="Otto", password=PASSWORD)
    organizers.accept_invitation(second, name="Otto", password=PASSWORD)
    with pytest.raises(NotFound):
        organizers.accept_invitation(second, name="Otto", password=PASSWORD)


def test_an_invitation_lives_a_week(admin: int) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        organizers.invite(admin, "otto@example.org")
        token = token_in(only_letter(LetterKind.ORGANIZER_INVITATION))
        clock.shift(7 * 86_400)
        with pytest.raises(NotFound):
            organizers.accept_invitation(token, name="Otto", password=PASSWORD)


def test_a_link_is_good_for_its_own_purpose_only(admin: int) -> None:
    organizers.invite(admin, "otto@example.org")
    invitation = token_in(only_letter(LetterKind.ORGANIZER_INVITATION))
    with pytest.raises(NotFound):
        organizers.reset_password(invitation, "battery staple")
    with pytest.raises(NotFound):
        organizers.set_up(invitation, name="Otto", email="otto@example.org", password=PASSWORD)


def test_a_link_that_is_claimed_meanwhile_makes_nobody(admin: int, monkeypatch: pytest.MonkeyPatch) -> None:
    organizers.invite(admin, "otto@example.org")
    token = token_in(only_letter(LetterKind.ORGANIZER_INVITATION))
    link = organizers.open_link(token, TokenPurpose.ORGANIZER_INVITATION)
    organizers.accept_invitation(token, name="Otto", password=PASSWORD)
    monkeypatch.setattr(organizers, "open_link", lambda *_args: replace(link, email="else@example.org"))
    with pytest.raises(NotFound):
        organizers.accept_invitation(token, name="Otto", password=PASSWORD)
    assert count_organizers() == 2


@pytest.mark.parametrize("email", ["olga@example.org", "nonsense"])
def test_only_a_new_address_can_be_invited(admin: int, email: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        organizers.invite(admin, email)
    assert refused.value.field == "email"
    assert letters() == []


def test_only_admins_invite(admin: int) -> None:
    otto = organizers.create("Otto", "otto@example.org", PASSWORD)
    with pytest.raises(Forbidden):
        organizers.invite(otto, "eve@example.org")
    assert letters() == []


def test_without_open_sign_up_there_is_none(admin: int) -> None:
    with pytest.raises(NotFound):
        organizers.sign_up("otto@example.org", ip=IP)
    assert letters() == []


@pytest.fixture
def open_app(settings: Settings) -> Iterator[Flask]:
    """An instance where anybody may become an organizer."""
    app = create_app(replace(settings, signup="open"))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def test_anybody_may_sign_up_and_proves_the_address(open_app: Flask) -> None:
    organizers.sign_up("otto@example.org", ip=IP)
    letter = only_letter(LetterKind.ORGANIZER_INVITATION)
    assert letter.organizer_id is None
    assert count_organizers() == 0
    otto = organizers.accept_invitation(token_in(letter), name="Otto", password=PASSWORD)
    assert organizers.sign_in("otto@example.org", PASSWORD, ip=IP) == otto


def test_who_has_an_account_gets_a_way_back_to_it(open_app: Flask) -> None:
    organizers.create("Otto", "otto@example.org", PASSWORD)
    organizers.sign_up("otto@example.org", ip=IP)
    only_letter(LetterKind.PASSWORD_RESET)
