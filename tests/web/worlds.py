"""Two exchanges, everybody who may look at them, and what they get to see."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, inspect, literal_column, select, table
from werkzeug.test import TestResponse

from sneaky import wishlists
from sneaky.core.db import db
from sneaky.core.tokens import new_public_id
from sneaky.draws import conduct, reveal
from sneaky.models import Exchange, Match, ParticipantState, WishListItem
from tests.factories import a_participant, an_exchange, an_organizer, participants
from tests.web.exchanging import person_id
from tests.web.routes import Route
from tests.web.signing_in import csrf_token, sign_in_organizer, sign_in_participant

Form = Mapping[str, str | Sequence[str]]
KINDS = ("exchange", "person", "wish", "match", "run", "job", "letter", "token")
# What trying leaves behind for a while, whoever tries.
TRACES = {"session", "rate_limit", "audit_entry"}


@dataclass(frozen=True)
class World:
    """An organizer with a drawn exchange of four, one more before its draw, and their ids.

    `late` confirmed after the draw, and waits to be let in.
    """

    organizer: int
    people: list[int]
    drawn: dict[str, str]
    registering: dict[str, str]
    guests: list[int]
    late: int


def a_world() -> World:
    """Somebody's exchanges, with a wish list each and one match that was opened."""
    organizer = an_organizer()
    drawn, registering = an_exchange(organizer), an_exchange(organizer)
    people, guests = participants(drawn, 4), participants(registering, 3)
    for person in (*people, *guests):
        wishlists.add(person, "Wool socks")
    conduct.conduct_draw(drawn, even_if_mail_unproven=True)
    reveal.reveal(people[0])
    late = a_participant(drawn, state=ParticipantState.PENDING)
    return World(organizer, people, ids(drawn, people[1]), ids(registering, guests[1]), guests, late)


def ids(exchange: int, person: int) -> dict[str, str]:
    public_id = db.session.scalars(select(Exchange.public_id).where(Exchange.id == exchange)).one()
    wish = db.session.scalars(
        select(WishListItem.public_id).where(WishListItem.participant_id == person)
    ).one()
    match = db.session.scalars(select(Match.id).where(Match.giver_id == person)).one_or_none()
    return {
        "exchange": public_id,
        "person": person_id(person),
        "wish": wish,
        "match": str(match or new_public_id()),
    }


def absent() -> dict[str, str]:
    """Ids that nothing has."""
    return {kind: new_public_id() for kind in KINDS}


class Asker:
    """Somebody's browser, with a form token that is good."""

    def __init__(self, app: Flask, *, organizer: int | None = None, participant: int | None = None) -> None:
        self.client: FlaskClient = app.test_client()
        if organizer is not None:
            sign_in_organizer(self.client, organizer)
        if participant is not None:
            sign_in_participant(self.client, participant)
        self.token = csrf_token(self.client.get("/find").text)

    def ask(self, method: str, address: str, form: Form | None = None) -> TestResponse:
        """What comes back; a form is sent with its token, and else empty unless `form` says what is in it."""
        data = {"csrf_token": self.token, **(form or {})} if method == "POST" else None
        return self.client.open(address, method=method, data=data)

    def answer(self, method: str, route: Route, ids: dict[str, str]) -> tuple[int, str, str]:
        """Status, place and page, without what differs from one request to the next."""
        address = route.address(ids)
        came = self.ask(method, address)
        place = came.headers.get("Location", "").replace(address, "HERE")
        return came.status_code, place, without_token(came.text.replace(address, "HERE"))


def without_token(page: str) -> str:
    """A page without what is new each time: the token of its forms."""
    return re.sub(r'name="csrf_token" value="[^"]+"', "", page)


def kept() -> dict[str, list[Any]]:
    """Everything in the database but sessions and traces."""
    engine: Engine = db.engine
    tables = set(inspect(engine).get_table_names()) - TRACES
    with engine.connect() as connection:
        return {
            name: sorted(map(str, connection.execute(select(literal_column("*")).select_from(table(name)))))
            for name in tables
        }
