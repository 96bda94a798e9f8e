"""Who may enter which page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from sneaky.core.db import db
from sneaky.models import AuditEntry, Exchange
from sneaky.web.guards import (
    admin_only,
    current_organizer,
    current_participant,
    organizer_only,
    owned_exchange,
    participant_only,
)
from tests.factories import a_participant, an_exchange, an_organizer
from tests.web.signing_in import sign_in_organizer, sign_in_participant

VISITOR, PARTICIPANT, ORGANIZER, ADMIN = "visitor", "participant", "organizer", "admin"


@pytest.fixture
def pages(app: Flask) -> Flask:
    """One page behind each guard."""
    guarded: dict[str, Callable[[], str]] = {
        "organizer": organizer_only(lambda: current_organizer().name),
        "participant": participant_only(lambda: current_participant().name),
        "admin": admin_only(lambda: current_organizer().name),
    }
    for name, view in guarded.items():
        app.add_url_rule(f"/for/{name}", endpoint=name, view_func=view)
    app.add_url_rule("/owned/<public_id>", view_func=lambda public_id: str(owned_exchange(public_id)))
    return app


def browser_of(app: Flask, who: str) -> FlaskClient:
    client = app.test_client()
    if who == PARTICIPANT:
        sign_in_participant(client, a_participant(an_exchange(), name="Ann"))
    elif who != VISITOR:
        sign_in_organizer(client, an_organizer(name="Olga", is_admin=who == ADMIN))
    return client


@pytest.mark.parametrize(
    ("who", "page", "status"),
    [
        (VISITOR, "organizer", 303),
        (VISITOR, "participant", 303),
        (VISITOR, "admin", 303),
        (PARTICIPANT, "organizer", 303),
        (PARTICIPANT, "participant", 200),
        (PARTICIPANT, "admin", 303),
        (ORGANIZER, "organizer", 200),
        (ORGANIZER, "participant", 303),
        (ORGANIZER, "admin", 404),
        (ADMIN, "organizer", 200),
        (ADMIN, "participant", 303),
        (ADMIN, "admin", 200),
    ],
)
def test_each_page_lets_in_whom_it_is_for(pages: Flask, who: str, page: str, status: int) -> None:
    answer = browser_of(pages, who).get(f"/for/{page}")
    assert answer.status_code == status
    assert (answer.text in {"Ann", "Olga"}) == (status == 200)


def test_a_foreign_exchange_is_as_absent_as_none(pages: Flask) -> None:
    client = pages.test_client()
    mine, foreign = an_organizer(), an_exchange()
    own = an_exchange(mine)
    sign_in_organizer(client, mine)
    public_ids = {row: db.session.get_one(Exchange, row).public_id for row in (own, foreign)}
    assert client.get(f"/owned/{public_ids[own]}").text == str(own)
    answers = [
        client.get(f"/owned/{public_id}") for public_id in (public_ids[foreign], "x" * 22, str(foreign))
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


def test_who_asks_for_what_is_not_theirs_stands_in_the_trail(app: Flask) -> None:
    olga, ann = an_organizer(), a_participant(an_exchange())
    organizer, participant = app.test_client(), app.test_client()
    sign_in_organizer(organizer, olga)
    sign_in_participant(participant, ann)
    foreign = db.session.get_one(Exchange, an_exchange()).public_id
    for page in (f"/exchanges/{foreign}", f"/exchanges/{'x' * 22}", "/operations/jobs", "/nowhere"):
        assert organizer.get(page).status_code == 404
    assert participant.get("/me/wish-list/absent").status_code == 404
    found = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id))
    assert [(entry.action, entry.organizer_id, entry.details) for entry in found] == [
        *[("page.refused", olga, {"page": "organizer.exchange"})] * 2,
        ("page.refused", olga, {"page": "operations.jobs"}),
        ("page.refused", None, {"page": "participant.wish", "participant": ann}),
    ], "who was refused where, but no id that was tried"


def test_one_browser_can_be_organizer_and_participant(pages: Flask) -> None:
    client = browser_of(pages, ORGANIZER)
    sign_in_participant(client, a_participant(an_exchange(), name="Ann"))
    assert client.get("/for/organizer").text == "Olga"
    assert client.get("/for/participant").text == "Ann"
