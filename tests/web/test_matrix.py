"""Every route of the app × everybody × ids that are somebody else's: refused, as if there were nothing."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from sneaky.core.db import db
from sneaky.exchanges import join_links
from sneaky.models import ParticipantState, SessionRow, TokenPurpose
from sneaky.outbox import links
from tests.access.linking import a_link
from tests.clock_factories import JOB, a_failed_run
from tests.factories import a_participant, an_exchange, an_organizer
from tests.web.routes import ROUTES, WITHOUT_OWNER, Audience, Route, audience_of, routes
from tests.web.worlds import Asker, a_world, absent, kept

NOT_THEIRS = {303, 404}


def refused_alike(
    who: Asker, found: list[Route], foreign: dict[str, str], *, but_for: str = ""
) -> set[tuple[str, str, int]]:
    """Ask for each route with foreign ids and with absent ones; what was tried, with its status."""
    seen, nothing = set(), absent()
    for route in found:
        if route.rule.endpoint == but_for:
            continue
        for method in route.methods:
            answer = who.answer(method, route, nothing | foreign)
            assert answer == who.answer(method, route, nothing), (method, route.rule)
            seen.add((method, route.rule.rule, answer[0]))
    assert {status for _method, _rule, status in seen} <= NOT_THEIRS, seen
    return seen


def test_every_route_is_entered_for_one_audience(app: Flask) -> None:
    entered = set().union(*ROUTES.values())
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == entered
    assert sum(len(endpoints) for endpoints in ROUTES.values()) == len(entered)


def test_a_route_without_an_entry_fails(app: Flask) -> None:
    app.add_url_rule("/exchanges/<public_id>/leak", "organizer.leak", lambda public_id: public_id)
    with pytest.raises(AssertionError, match=r"enter organizer\.leak"):
        routes(app)
    with pytest.raises(AssertionError, match="enter nowhere"):
        audience_of("nowhere")


@pytest.mark.parametrize("who", ["anonymous", "participant", "other participant", "organizer", "admin"])
def test_an_exchange_is_there_for_its_organizer_alone(app: Flask, who: str) -> None:
    ours, theirs = a_world(), a_world()
    asker = {
        "anonymous": lambda: Asker(app),
        "participant": lambda: Asker(app, participant=ours.people[0]),
        "other participant": lambda: Asker(app, participant=ours.guests[0]),
        "organizer": lambda: Asker(app, organizer=theirs.organizer),
        "admin": lambda: Asker(app, organizer=an_organizer(is_admin=True)),
    }[who]()
    named = [route for route in routes(app, Audience.ORGANIZER) if "exchange" in route.kinds.values()]
    before = kept()
    seen = refused_alike(asker, named, ours.drawn) | refused_alike(asker, named, ours.registering)
    assert len(seen) > 45
    assert {status for *_, status in seen} == ({404} if who in {"organizer", "admin"} else {303})
    assert kept() == before


def test_organizers_without_exchange_in_the_address_are_asked_to_sign_in(app: Flask) -> None:
    world = a_world()
    own = [route for route in routes(app, Audience.ORGANIZER) if "exchange" not in route.kinds.values()]
    for asker in (Asker(app), Asker(app, participant=world.people[0])):
        assert len(refused_alike(asker, own, {})) == 7


def test_somebody_of_another_exchange_is_not_in_ones_own(app: Flask) -> None:
    ours, theirs = a_world(), a_world()
    owner = Asker(app, organizer=ours.organizer)
    about_people = [route for route in routes(app) if "person" in route.kinds.values()]
    before = kept()
    for exchange in (ours.drawn, ours.registering):
        for stranger in (theirs.drawn, theirs.registering, ours.drawn, ours.registering):
            if stranger is not exchange:
                for route in about_people:
                    for method in route.methods:
                        asked = {**absent(), "exchange": exchange["exchange"]}
                        nobody = owner.answer(method, route, asked)
                        assert nobody[0] == 404, route.rule
                        assert owner.answer(method, route, asked | {"person": stranger["person"]}) == nobody
    assert len(about_people) == 4
    assert kept() == before


def test_a_wish_or_a_match_is_there_for_whoever_has_it(app: Flask) -> None:
    ours, theirs = a_world(), a_world()
    about_them = [route for route in routes(app) if {"wish", "match"} & set(route.kinds.values())]
    before = kept()
    for person in (*ours.people[2:], ours.guests[0], theirs.people[0]):
        seen = refused_alike(Asker(app, participant=person), about_them, ours.drawn)
        assert {status for *_, status in seen} == {404}
    assert len(about_them) >= 4
    assert kept() == before


def test_pages_of_participants_are_there_for_nobody_else(app: Flask) -> None:
    world = a_world()
    found, before = routes(app, Audience.PARTICIPANT), kept()
    for asker in (Asker(app), Asker(app, organizer=world.organizer)):
        seen = refused_alike(asker, found, world.drawn)
        assert {status for *_, status in seen} == {303}
        assert len(seen) > 20
    assert kept() == before


@pytest.mark.parametrize("who", ["anonymous", "participant", "organizer"])
def test_operations_are_there_for_admins_alone(app: Flask, who: str) -> None:
    world, run = a_world(), a_failed_run()
    asker = {
        "anonymous": lambda: Asker(app),
        "participant": lambda: Asker(app, participant=world.people[0]),
        "organizer": lambda: Asker(app, organizer=world.organizer),
    }[who]()
    before = kept()
    seen = refused_alike(
        asker, routes(app, Audience.ADMIN), {"run": run, "job": JOB, "letter": "match"}, but_for="static"
    )
    assert len(seen) > 30
    assert kept() == before


def test_development_pages_and_figures_are_not_there(app: Flask) -> None:
    world = a_world()
    found = routes(app, Audience.DEVELOPER, Audience.MACHINE)
    for asker in (Asker(app), Asker(app, organizer=world.organizer), Asker(app, participant=world.people[0])):
        for route in found:
            for method in route.methods:
                assert asker.answer(method, route, absent())[0] == 404, route.rule


@pytest.mark.parametrize("purpose", list(TokenPurpose))
def test_a_link_opens_no_other_door_than_its_own(app: Flask, purpose: TokenPurpose) -> None:
    """A good link of each kind, shown at every door that is not its own, is as unknown as a made-up one."""
    if purpose is TokenPurpose.SETUP:
        token = a_link(None, purpose)
    elif purpose in {TokenPurpose.PASSWORD_RESET, TokenPurpose.ORGANIZER_INVITATION}:
        token = a_link(None, purpose, organizer_id=an_organizer(), email="new@example.org")
    else:
        token = a_link(a_participant(an_exchange()), purpose)
    own = {
        TokenPurpose.SETUP: {"signin.setup"},
        TokenPurpose.PASSWORD_RESET: {"signin.reset"},
        TokenPurpose.ORGANIZER_INVITATION: {"signin.invitation"},
    }.get(purpose, {"signin.link", "signin.use_link", "signin.fresh_link"})
    asker, before, nothing = Asker(app), kept(), absent()
    doors = routes(app, Audience.BEARER)
    assert own < {route.rule.endpoint for route in doors}
    for route in doors:
        if route.rule.endpoint in own:
            continue
        for method in route.methods:
            answer = asker.answer(method, route, {"token": token})
            assert answer == asker.answer(method, route, nothing), (method, route.rule)
            is_renewal = route.rule.endpoint == "signin.fresh_link"  # alike for all, so that it tells nothing
            assert answer[0] == (303 if is_renewal else 404), (method, route.rule)
    assert kept() == before


def test_other_methods_are_refused_whatever_the_address_names(app: Flask) -> None:
    world = a_world()
    owner, named, taken = Asker(app, organizer=world.organizer), absent() | world.drawn, dict[str, set[str]]()
    for route in routes(app):
        taken.setdefault(route.address(named), set()).update(route.methods)
    for address, methods in taken.items():
        for method in {"GET", "POST", "PUT", "DELETE"} - methods:
            # 404 and 303: where another address begins alike, or pages do not tell whether they exist.
            status = owner.ask(method, address).status_code
            assert status in ({405} if method in {"PUT", "DELETE"} else {303, 404, 405}), (method, address)


def test_those_who_may_are_let_in_and_looking_changes_nothing(app: Flask) -> None:
    """What is refused above is there: the same addresses answer the people they are for."""
    world, run = a_world(), a_failed_run()
    admin = an_organizer(is_admin=True)
    allowed = [
        (Audience.ORGANIZER, Asker(app, organizer=world.organizer), world.drawn),
        (Audience.ORGANIZER, Asker(app, organizer=world.organizer), world.registering),
        (Audience.PARTICIPANT, Asker(app, participant=world.people[1]), world.drawn),
        (Audience.ADMIN, Asker(app, organizer=admin), {"run": run, "job": JOB, "letter": "match"}),
    ]
    before = kept()
    for audience, asker, own in allowed:
        for route in routes(app, audience):
            is_there = set(route.kinds.values()) <= {*own, *WITHOUT_OWNER} - {"anywhere", "match"}
            if "GET" in route.methods and is_there:
                status = asker.ask("GET", route.address(absent() | own)).status_code
                assert status in {200, 302}, (status, route.rule)
    assert kept() == before


def test_looking_at_the_pages_for_everybody_changes_nothing(app: Flask) -> None:
    """Those behind the links of letters as well, where mail scanners look before anybody else does."""
    exchange, olga = an_exchange(), an_organizer()
    ann, bob = a_participant(exchange), a_participant(exchange, state=ParticipantState.PENDING)
    join_links.replace(exchange)
    doors = {
        TokenPurpose.SIGN_IN: a_link(ann),
        TokenPurpose.CONFIRM_REGISTRATION: a_link(bob, TokenPurpose.CONFIRM_REGISTRATION),
        TokenPurpose.MATCH: a_link(ann, TokenPurpose.MATCH),
        TokenPurpose.SETUP: a_link(None, TokenPurpose.SETUP),
        TokenPurpose.PASSWORD_RESET: a_link(None, TokenPurpose.PASSWORD_RESET, organizer_id=olga),
        TokenPurpose.ORGANIZER_INVITATION: a_link(
            None, TokenPurpose.ORGANIZER_INVITATION, email="new@example.org"
        ),
    }
    assert doors.keys() == set(TokenPurpose)
    join = (join_links.current(exchange) or "").removeprefix("http://localhost")
    behind = [join, f"{join}/joined", f"/u/{links.unsubscribe_token(ann)}"]
    behind += [links.path_of(purpose, token) for purpose, token in doors.items()]
    before, asker = kept(), Asker(app)
    for method in ("HEAD", "GET"):
        for address in behind:
            assert asker.ask(method, address).status_code == 200, address
        for route in routes(app, Audience.EVERYBODY):
            if "GET" in route.methods:
                asker.ask(method, route.address({}))
    assert kept() == before
    assert db.session.scalars(select(SessionRow)).all() == [], "nobody is signed in by it"
