"""Whoever is turned away stands in the audit trail, without any secret, and no flood fills it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from sneaky.access import audit, magic_links, organizers, rate_limits
from sneaky.core.db import db
from sneaky.core.errors import NotFound, SneakyError, TooMany
from sneaky.models import AuditEntry, TokenPurpose
from tests.access.linking import BROWSER, IP, a_link, ask
from tests.factories import a_participant, an_exchange, an_organizer

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
PASSWORD = "correct horse"


def lines() -> list[tuple[str, int | None, int | None, dict[str, object]]]:
    """Every line about somebody who was turned away: what, organizer, exchange, more."""
    db.session.expire_all()
    entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id))
    return [
        (entry.action, entry.organizer_id, entry.exchange_id, entry.details)
        for entry in entries
        if entry.action.endswith(("refused", ".reached"))
    ]


def turned_away(what: Callable[[], object]) -> None:
    with pytest.raises(SneakyError):
        what()


def test_links_that_let_nobody_in(any_app: Flask) -> None:
    exchange = an_exchange()
    ann = a_participant(exchange)
    with time_machine.travel(NOON, tick=False) as clock:
        used, late = a_link(ann), a_link(ann)
        magic_links.redeem(used)
        clock.shift(timedelta(hours=1))
        for token in (used, late, "made-up", a_link(None, TokenPurpose.SETUP)):
            turned_away(lambda token=token: magic_links.redeem(token))  # type: ignore[misc]
    told = "participant.link_refused"
    assert lines() == [
        (told, None, exchange, {"participant": ann, "link": "used"}),
        (told, None, exchange, {"participant": ann, "link": "expired"}),
        (told, None, None, {"link": "unknown"}),
        (told, None, None, {"link": "unknown"}),
    ]


def test_codes_that_are_wrong_and_the_limit_that_ends_the_guessing(app: Flask) -> None:
    ask()
    for _ in range(13):
        turned_away(lambda: magic_links.redeem_code("22222222", BROWSER))
    assert lines() == [
        *[("participant.code_refused", None, None, {})] * 10,
        ("limit.reached", None, None, {"limit": "code-browser"}),
    ]


@pytest.mark.parametrize(
    ("purpose", "press"),
    [
        (TokenPurpose.PASSWORD_RESET, lambda token: organizers.reset_password(token, PASSWORD)),
        (
            TokenPurpose.ORGANIZER_INVITATION,
            lambda token: organizers.accept_invitation(token, name="Eve", password=PASSWORD),
        ),
        (
            TokenPurpose.SETUP,
            lambda token: organizers.set_up(
                token, name="Eve", email="eve@example.org", password="battery staple"
            ),
        ),
    ],
)
def test_links_of_organizers(app: Flask, purpose: TokenPurpose, press: Callable[[str], object]) -> None:
    turned_away(lambda: press("made-up"))
    assert lines() == [("organizer.link_refused", None, None, {"purpose": purpose.value})]
    with pytest.raises(NotFound):
        organizers.open_link("made-up", purpose)
    assert len(lines()) == 1, "who only looks is not written down"


def test_a_wrong_present_password(app: Flask) -> None:
    olga = organizers.create("Olga", "olga@example.org", PASSWORD)
    turned_away(lambda: organizers.change_password(olga, "wrong horse!", "battery staple"))
    assert lines() == [("organizer.password_refused", olga, None, {})]


def test_asking_for_too_many_letters_is_told_once_a_window(app: Flask) -> None:
    for _ in range(8):
        try:
            organizers.request_password_reset("olga@example.org", ip=IP)
        except TooMany:
            continue
    assert lines() == [("limit.reached", None, None, {"limit": rate_limits.LETTERS_BY_ADDRESS.name})]


def test_no_flood_fills_the_trail(any_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "MOST_REFUSALS", 3)
    olga = an_organizer()
    with time_machine.travel(NOON, tick=False) as clock:
        for number in range(9):
            audit.note_refusal("page.refused", organizer_id=olga if number else None, page=str(number))
        audit.note_refusal("participant.code_refused")
        clock.shift(timedelta(hours=1, seconds=1))
        audit.note_refusal("page.refused", page="later")
    assert [details for action, *_, details in lines() if action == "page.refused"] == [
        {"page": "0"},
        {"page": "1"},
        {"page": "2", "and_more": "left out for an hour"},
        {"page": "later"},
    ]
    assert len(lines()) == 5, "each action counts for itself"
