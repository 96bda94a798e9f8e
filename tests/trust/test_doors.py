"""The doors of a running instance: links, passwords, sessions, limits and the set-up, also when stormed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from typing import TypeVar

import pytest
from sqlalchemy import func, select, update

from sneaky.access import claims, magic_links, organizers
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.models import AuditEntry, Letter, LetterKind, MagicToken, Organizer, SessionRow, TokenPurpose
from sneaky.models import Instance as InstanceRow
from sneaky.outbox import links
from tests.access.linking import a_link
from tests.factories import a_participant, an_exchange, an_organizer
from tests.trust.instance import COOKIE, Answer, Browser, Instance
from tests.trust.people import PASSWORD, an_account, signed_in
from tests.web.signing_in import csrf_token

pytestmark = pytest.mark.slow
T = TypeVar("T")
_numbers = count(1)


def at_once(ask: Callable[[Browser], T], browsers: Sequence[Browser]) -> list[T]:
    """What each browser gets when all of them ask at the same moment."""
    with ThreadPoolExecutor(len(browsers)) as pool:
        return list(pool.map(ask, browsers))


def alike(instance: Instance, page: str, number: int) -> tuple[str, list[Browser]]:
    """A good form token, and so many browsers for which it is good."""
    first = Browser(instance)
    token = csrf_token(first.open(page).text)
    return token, [Browser(instance, cookie=first.cookie) for _ in range(number)]


def sessions_of(participant: int) -> int:
    db.session.remove()
    return (
        db.session.scalar(
            select(func.count()).select_from(SessionRow).where(SessionRow.participant_id == participant)
        )
        or 0
    )


def newest_letter(email: str) -> Letter:
    db.session.remove()
    found = db.session.scalars(select(Letter).where(Letter.to_email == email).order_by(Letter.id.desc()))
    letter = found.first()
    assert letter is not None, f"nobody wrote to {email}"
    return letter


def an_address(name: str) -> str:
    return f"{name}{next(_numbers)}@doors.example.org"


def test_looking_at_a_link_uses_nothing_up_and_pressing_it_does_once(instance: Instance) -> None:
    ann = a_participant(an_exchange())
    address = f"/m/{a_link(ann)}"
    for scanner in (Browser(instance), Browser(instance)):
        for method in ("GET", "HEAD", "GET"):
            answer = scanner.ask(method, address)
            assert answer.status == 200
            assert "<script" not in answer.text.replace("<script src=", "")
    assert sessions_of(ann) == 0
    token, crowd = alike(instance, address, 20)
    answers = at_once(lambda browser: browser.ask("POST", address, form={"csrf_token": token}), crowd)
    assert sorted(answer.status for answer in answers) == [303] + [410] * 19
    assert sessions_of(ann) == 1
    (winner,) = [answer for answer in answers if answer.status == 303]
    assert winner.place == "/me", "the token is not in the address any more"
    signed_in = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "participant.signed_in"))
    assert [entry.details["participant"] for entry in signed_in].count(ann) == 1


@pytest.mark.parametrize("state", ["used", "too old", "too old and tidied up"])
def test_an_old_link_brings_a_fresh_one_with_one_press(instance: Instance, state: str) -> None:
    email = an_address("ann")
    ann = a_participant(an_exchange(), email=email)
    old = a_link(ann)
    if state == "used":
        magic_links.redeem(old)
    else:
        with transaction() as session:
            session.execute(
                update(MagicToken)
                .where(MagicToken.participant_id == ann)
                .values(expires_at=now() - timedelta(days=60))
            )
    if state == "too old and tidied up":
        magic_links.delete_expired(1000)
    browser = Browser(instance)
    page = browser.open(f"/m/{old}")
    assert page.status == 410
    assert 'type="email"' not in page.text, "nothing is asked for"
    assert email not in page.text
    assert browser.press(f"/m/{old}/fresh", on=f"/m/{old}").place == "/letter-sent"
    letter = newest_letter(email)
    fresh = links.token_of(letter.token_id or 0)
    assert browser.press(f"/m/{fresh}").place == "/me"
    assert browser.open("/me").status == 200


def test_a_link_lives_as_long_as_it_says_and_ends_when_revoked(instance: Instance) -> None:
    email, browser = an_address("bob"), Browser(instance)
    bob = a_participant(an_exchange(), email=email)
    assert browser.press("/find", email=email).status == 303
    token = links.token_of(newest_letter(email).token_id or 0)
    row = db.session.scalars(select(MagicToken).where(MagicToken.participant_id == bob)).one()
    assert row.expires_at - row.created_at == timedelta(minutes=15)
    assert token is not None
    assert token not in str([str(value) for value in vars(row).values()]), "only its hash is stored"
    with transaction():
        claims.revoke(MagicToken.participant_id == bob)
    assert Browser(instance).press(f"/m/{token}").status == 410


def test_the_code_of_a_letter_works_where_it_was_asked_for_and_nowhere_else(instance: Instance) -> None:
    email, asker, other = an_address("cleo"), Browser(instance), Browser(instance)
    cleo = a_participant(an_exchange(), email=email)
    asker.press("/find", email=email)
    code = links.code_of(newest_letter(email).token_id or 0)
    assert code is not None
    other.press("/find", email=an_address("nobody"))
    assert other.press("/code", code=code).status == 422
    assert asker.press("/code", code=f" {code[:4].lower()}-{code[4:]} ").place == "/me"
    assert sessions_of(cleo) == 1


def test_passwords_are_hashed_with_argon2id_and_bad_ones_refused(instance: Instance) -> None:
    organizer = an_account(an_address("dora"))
    stored = db.session.scalars(select(Organizer.password_hash).where(Organizer.id == organizer)).one()
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    browser = signed_in(instance, organizer=organizer)
    for bad in ("short", "password12", "aaaaaaaaaaaa"):
        answer = browser.press("/account/password", old_password=PASSWORD, password=bad)
        assert answer.status == 422, bad
    elsewhere = signed_in(instance, organizer=organizer)
    long = "über sieben Brücken " * 4
    assert browser.press("/account/password", old_password=PASSWORD, password=long).status == 303
    assert browser.open("/exchanges").status == 200
    assert elsewhere.ask("GET", "/exchanges").place.startswith("/sign-in"), "other devices are signed out"


def test_a_session_gets_a_new_id_at_each_sign_in_and_a_cookie_that_stays_home(instance: Instance) -> None:
    email, browser = an_address("emil"), Browser(instance)
    an_account(email)
    browser.open("/sign-in")
    before = browser.cookie
    answer = browser.press("/sign-in", email=email, password=PASSWORD)
    assert answer.place == "/exchanges"
    assert browser.cookie not in {"", before}
    (cookie,) = answer.cookies
    assert cookie.startswith(f"{COOKIE}=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    stored = db.session.scalars(select(SessionRow.id)).all()
    assert browser.cookie not in stored
    assert Browser(instance, cookie=stored[0]).ask("GET", "/exchanges").status == 303, (
        "a stolen row opens nothing"
    )
    first = browser.cookie
    again = Browser(instance, cookie=before)
    again.press("/sign-in", email=email, password=PASSWORD)
    assert again.cookie != first


@pytest.mark.parametrize(
    ("who", "idle", "absolute", "page"),
    [
        ("organizer", timedelta(hours=12), timedelta(days=7), "/exchanges"),
        ("participant", timedelta(days=14), timedelta(days=90), "/me"),
    ],
)
def test_sessions_end_by_themselves_and_everywhere_at_once(
    instance: Instance, who: str, idle: timedelta, absolute: timedelta, page: str
) -> None:
    person = an_organizer() if who == "organizer" else a_participant(an_exchange())
    mine = getattr(SessionRow, f"{who}_id") == person
    here, elsewhere = (signed_in(instance, **{who: person}) for _ in range(2))
    for row in db.session.scalars(select(SessionRow).where(mine)):
        assert row.ends_at - row.created_at == absolute
        assert row.expires_at - row.created_at == idle
    on = "/account" if who == "organizer" else "/me"
    assert here.press("/sign-out", on=on, everywhere="yes").status == 303
    assert elsewhere.ask("GET", page).status == 303
    late = signed_in(instance, **{who: person})
    assert late.ask("GET", page).status == 200
    with transaction() as session:
        session.execute(update(SessionRow).where(mine).values(expires_at=now() - timedelta(seconds=1)))
    assert late.ask("GET", page).status == 303


def statuses(number: int, ask: Callable[[], Answer]) -> list[int]:
    return [ask().status for _ in range(number)]


def test_guesses_are_counted_by_account_and_by_network_in_all_processes(instance: Instance) -> None:
    email, networks = an_address("fred"), iter(range(1, 200))
    an_account(email)
    token, (first,) = alike(instance, "/sign-in", 1)

    def guess(address: str, ip: str) -> Answer:
        typed = {"csrf_token": token, "email": address, "password": "wrong horse!"}
        return Browser(instance, ip=ip, cookie=first.cookie).ask("POST", "/sign-in", form=typed)

    assert statuses(11, lambda: guess(email, f"198.51.100.{next(networks)}")) == [422] * 10 + [429]
    tagged = email.replace("@", "+x@")
    assert guess(tagged, "198.51.100.250").status == 429, "dots and tags do not make another account"
    answer = guess(email, "198.51.100.251")
    assert 0 < int(answer.headers["retry-after"]) <= 300, "a delay, never a lock-out for good"
    home = (f"2001:db8:7:7::{number}" for number in range(1, 200))
    assert statuses(11, lambda: guess(an_address("greg"), next(home))) == [422] * 10 + [429]
    assert guess(an_address("greg"), "2001:db8:7:8::1").status == 422


def test_letters_are_counted_by_address_and_by_network(instance: Instance) -> None:
    email = an_address("hank")
    networks = iter(range(1, 200))
    token, (first,) = alike(instance, "/find", 1)

    def ask(address: str, ip: str, page: str = "/find") -> Answer:
        typed = {"csrf_token": token, "email": address}
        return Browser(instance, ip=ip, cookie=first.cookie).ask("POST", page, form=typed)

    assert statuses(6, lambda: ask(email, f"203.0.113.{next(networks)}")) == [303] * 5 + [429]
    assert ask(email, "203.0.113.251", "/forgot").status == 429
    assert statuses(21, lambda: ask(an_address("ivan"), "203.0.113.252")) == [303] * 20 + [429]


def test_of_fifty_who_set_up_at_once_one_is_the_admin(instance: Instance) -> None:
    with transaction() as session:
        session.merge(InstanceRow(id=1, set_up_at=None))
    link = organizers.setup_link()
    assert link is not None
    address = link.removeprefix(instance.settings.base_url)
    before = db.session.scalar(select(func.count()).select_from(Organizer)) or 0
    token, crowd = alike(instance, address, 50)

    def set_up(browser: Browser) -> Answer:
        typed = {"name": "Olga", "email": an_address("first"), "password": PASSWORD, "csrf_token": token}
        return browser.ask("POST", address, form=typed)

    answers = at_once(set_up, crowd)
    assert sorted(answer.status for answer in answers) == [303] + [404] * 49
    db.session.remove()
    assert db.session.scalar(select(func.count()).select_from(Organizer)) == before + 1
    assert Browser(instance).open(address).status == 404, "closed for good"
    assert organizers.setup_link() is None


def test_a_link_into_nothing_of_each_kind_is_unknown(instance: Instance) -> None:
    for door in ("/setup/", "/reset/", "/invitation/", "/m/", "/j/", "/u/"):
        answer = Browser(instance).open(door + "A" * 43)
        assert answer.status == 404, door


def test_an_organizer_comes_back_by_letter(instance: Instance) -> None:
    email, browser = an_address("jana"), Browser(instance)
    organizer = an_account(email)
    elsewhere = signed_in(instance, organizer=organizer)
    browser.press("/forgot", email=email)
    letter = newest_letter(email)
    assert letter.kind is LetterKind.PASSWORD_RESET
    address = links.path_of(TokenPurpose.PASSWORD_RESET, links.token_of(letter.token_id or 0) or "")
    assert browser.press(address, password="cinnamon and cloves").place == "/exchanges"
    assert elsewhere.ask("GET", "/exchanges").status == 303
    late = Browser(instance)
    assert late.ask("GET", address).status == 404, "once"
    assert late.press("/forgot", on=address, email=email).place == "/letter-sent", (
        "and the way to another one"
    )
    assert newest_letter(email).id > letter.id
