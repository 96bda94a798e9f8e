"""Every field that names somebody × everybody × people of other exchanges: as if there were nobody."""

from __future__ import annotations

import ast
from urllib.parse import urlencode

import pytest
from flask import Flask
from wtforms import HiddenField

from sneaky.core.db import db
from sneaky.core.tokens import new_public_id
from sneaky.models import Participant
from sneaky.web.organizer.forms_rules import HouseholdForm
from tests.factories import an_organizer
from tests.web.exchanging import person_id
from tests.web.fields import DRAWN, NAMES_NOTHING, NAMES_SOMEBODY, Try, fields, reads
from tests.web.routes import routes
from tests.web.worlds import Asker, World, a_world, kept, without_token


def test_every_field_is_entered(app: Flask) -> None:
    assert sorted(fields()) == sorted([*NAMES_SOMEBODY, *NAMES_NOTHING])


def test_a_field_without_an_entry_is_found(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HouseholdForm, "leak", HiddenField(), raising=False)
    assert "organizer.HouseholdForm.leak" in fields()
    source = """
who = request.form["who"]
all_of_them = request.form.getlist("who")
is_there = "who" in request.values
by_name = request.args.get(name, "")
everything = request.get_json()
"""
    assert reads(ast.parse(source)) == {
        "form: who",
        "form: who, of all",
        "values: who",
        "args: {name}",
        "get_json: whole",
    }


def named(participant: int, by: str) -> str:
    """How a form names a participant."""
    return db.session.get_one(Participant, participant).email if by == "address" else person_id(participant)


def nobody_by(tried: Try) -> str:
    """A name that nobody has."""
    return "nobody@example.org" if tried.by == "address" else new_public_id()


def people_of(world: World, tried: Try) -> tuple[int, list[int]]:
    """Somebody of the exchange whom a field may name, and two more."""
    if tried.by == "late":
        return world.late, world.people[2:]
    first, somebody, *rest = world.people if tried.exchange == DRAWN else world.guests
    others = [first, *rest][:2]
    return others[1] if tried.is_one_of_others else somebody, others


def strangers_to(world: World, other: World, tried: Try) -> list[int]:
    """People of other exchanges: of the same organizer, and of another one."""
    if tried.by == "late":
        return [other.late]
    own = world.guests if tried.exchange == DRAWN else world.people
    return [own[1], other.people[1], other.guests[1]]


def answer(
    app: Flask, who: Asker, tried: Try, exchange: str, named: str, others: list[str]
) -> list[tuple[int, str]]:
    """What comes back and the page it leads to, without what differs from one request to the next."""
    (route,) = (route for route in routes(app) if route.rule.endpoint == tried.endpoint)
    address, form = route.address({"exchange": exchange}), tried.sent(named, others)
    if tried.method == "GET":
        address = f"{address}?{urlencode(form)}"
    pages = [who.ask(tried.method, address, form)]
    if pages[0].location:
        pages.append(who.client.get(pages[0].location))
    said = [(page.status_code, f"{page.location} {without_token(page.text)}") for page in pages]
    return [(status, text.replace(exchange, "EXCHANGE").replace(named, "NAMED")) for status, text in said]


@pytest.mark.parametrize("field", sorted(NAMES_SOMEBODY))
def test_a_form_names_people_of_its_own_exchange_alone(app: Flask, field: str) -> None:
    tried, ours, theirs = NAMES_SOMEBODY[field], a_world(), a_world()
    owner = Asker(app, organizer=ours.organizer)
    exchange = getattr(ours, tried.exchange)["exchange"]
    own, others = people_of(ours, tried)
    beside = [named(other, tried.by) for other in others]
    before = kept()
    nobody = answer(app, owner, tried, exchange, nobody_by(tried), beside)
    for stranger in strangers_to(ours, theirs, tried):
        assert answer(app, owner, tried, exchange, named(stranger, tried.by), beside) == nobody, stranger
    assert kept() == before
    assert answer(app, owner, tried, exchange, named(own, tried.by), beside) != nobody, (
        "who is there is found"
    )


@pytest.mark.parametrize("field", sorted(NAMES_SOMEBODY))
def test_a_form_of_an_exchange_is_there_for_its_organizer_alone(app: Flask, field: str) -> None:
    tried, ours, theirs = NAMES_SOMEBODY[field], a_world(), a_world()
    exchange = getattr(ours, tried.exchange)["exchange"]
    own, others = people_of(ours, tried)
    beside = [named(other, tried.by) for other in others]
    askers = [
        Asker(app),
        Asker(app, participant=ours.people[0]),
        Asker(app, participant=ours.guests[0]),
        Asker(app, participant=theirs.people[0]),
        Asker(app, organizer=theirs.organizer),
        Asker(app, organizer=an_organizer(is_admin=True)),
    ]
    before = kept()
    for asker in askers:
        found = answer(app, asker, tried, exchange, named(own, tried.by), beside)
        absent = answer(app, asker, tried, new_public_id(), nobody_by(tried), beside)
        assert found == absent
        assert found[0][0] in {303, 404}
    assert kept() == before
