"""The rules page: boxes for few people, names for many, households, options, and the verdict on all of it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from sneaky.core.db import db
from sneaky.exchanges import exclusions, households
from sneaky.models import AvoidLastYear, Exchange, Exclusion, Household, Participant
from tests.factories import a_participant, participants
from tests.web.exchanging import drawn, organized, path_of, person_id
from tests.web.reading import Page
from tests.web.signing_in import csrf_token, press


def named(exchange_id: int, *names: str) -> list[int]:
    return [a_participant(exchange_id, name=name) for name in names]


def excluded() -> set[tuple[int, int]]:
    db.session.expire_all()
    return {(row.giver_id, row.recipient_id) for row in db.session.scalars(select(Exclusion))}


def tick(
    client: FlaskClient, page: str, people: Iterable[int], *pairs: tuple[int, int], live: bool = False
) -> str:
    """Save the matrix with exactly these boxes ticked; what the page then shows."""
    form: dict[str, list[str]] = {"csrf_token": [csrf_token(client.get(page).text)]}
    form["person"] = [person_id(person) for person in people]
    for giver, recipient in pairs:
        form.setdefault(person_id(giver), []).append(person_id(recipient))
    headers = {"X-Live": "yes"} if live else {}
    return client.post(f"{page}/matrix", data=form, headers=headers, follow_redirects=True).text


def test_without_people_there_is_nothing_to_rule(client: FlaskClient) -> None:
    page = client.get(path_of(organized(client), "rules")).text
    assert "Nobody to make rules for yet" in page


def test_boxes_say_all_exclusions_at_once(client: FlaskClient) -> None:
    exchange_id = organized(client)
    ann, bob, cem, dora = named(exchange_id, "Ann", "Bob", "Cem", "Dora")
    page = path_of(exchange_id, "rules")
    shown = tick(client, page, [ann, bob, cem, dora], (ann, bob), (bob, ann))
    assert excluded() == {(ann, bob), (bob, ann)}
    assert shown.count(" checked>") == 2
    assert "Ann must not give to Bob" in shown
    tick(client, page, [ann, bob, cem, dora], (cem, dora))
    assert excluded() == {(cem, dora)}


def test_boxes_leave_people_alone_who_were_not_shown(client: FlaskClient) -> None:
    exchange_id = organized(client)
    ann, bob, cem, dora = named(exchange_id, "Ann", "Bob", "Cem", "Dora")
    exclusions.exclude(exchange_id, dora, ann, is_mutual=False)
    tick(client, path_of(exchange_id, "rules"), [ann, bob, cem], (ann, bob))
    assert excluded() == {(dora, ann), (ann, bob)}


def test_boxes_keep_rules_inside_of_a_household_for_who_moves_out(client: FlaskClient) -> None:
    exchange_id = organized(client)
    ann, bob, cem, dora = named(exchange_id, "Ann", "Bob", "Cem", "Dora")
    exclusions.exclude(exchange_id, ann, bob, is_mutual=False)
    households.assign_all([ann, bob], "Miller")
    page = path_of(exchange_id, "rules")
    (form,) = (form for form in Page(client.get(page).text).forms if form.action.endswith("/matrix"))
    assert form.values[person_id(ann)] == person_id(bob)
    client.post(form.action, data=form.values | {"person": [person_id(one) for one in (ann, bob, cem, dora)]})
    assert excluded() == {(ann, bob)}


@pytest.mark.parametrize("option", ["no_reciprocal", "single_loop"])
def test_only_without_options_nobody_can_guess_for_sure(client: FlaskClient, option: str) -> None:
    exchange_id = organized(client)
    named(exchange_id, "Ann", "Bob", "Cem", "Dora")
    page = path_of(exchange_id, "rules")
    assert "nobody can guess" in client.get(page).text
    press(client, f"{page}/options", on=page, avoid_last_year="off", **{option: "y"})
    assert "Everybody has enough people to give to.</p>" in client.get(page).text


def test_a_script_gets_the_verdict_alone(client: FlaskClient) -> None:
    exchange_id = organized(client)
    people = named(exchange_id, "Ann", "Bob", "Cem")
    ann, bob, cem = people
    answer = tick(client, path_of(exchange_id, "rules"), people, (ann, bob), (ann, cem), live=True)
    assert answer.lstrip().startswith('<section id="verdict"')
    assert "<html" not in answer
    assert "No draw is possible" in answer


def test_an_impossible_set_of_rules_names_who_blocks_and_one_press_helps(client: FlaskClient) -> None:
    exchange_id = organized(client)
    people = named(exchange_id, "Ann", "Bob", "Cem", "Dora", "Emil")
    households.assign_all(people[:4], "Attic")
    page = path_of(exchange_id, "rules")
    shown = client.get(page).text
    assert "The 4 of household Attic may only give to Emil." in shown
    changes = [part.split('"')[0] for part in shown.split('name="change" value="')[1:]]
    assert len(changes) == 2
    token = csrf_token(shown)
    client.post(f"{page}/loosen", data={"csrf_token": token, "change": changes})
    assert "A draw is possible" in client.get(page).text or "could guess" in client.get(page).text


@pytest.mark.parametrize("change", ["nonsense", "allow", "allow:x:y", "leave_household:x:", ""])
def test_no_other_change_is_taken(client: FlaskClient, change: str) -> None:
    exchange_id = organized(client)
    named(exchange_id, "Ann", "Bob", "Cem")
    page = path_of(exchange_id, "rules")
    assert press(client, f"{page}/loosen", on=page, change=change).status_code == 404


@pytest.mark.parametrize(
    ("form", "sent"),
    [
        ("matrix", {"person": "a\0"}),
        ("allow", {"giver": "a\0", "recipient": "b"}),
        ("households/leave", {"person": "\0"}),
        ("loosen", {"change": "allow:\0:b"}),
    ],
)
def test_nobody_is_called_nul(client: FlaskClient, form: str, sent: dict[str, str]) -> None:
    exchange_id = organized(client)
    participants(exchange_id, 3)
    page = path_of(exchange_id, "rules")
    assert press(client, f"{page}/{form}", on=page, **sent).status_code == 404


def test_options_are_loosened_by_one_press_too(client: FlaskClient) -> None:
    exchange_id = organized(client, single_loop=True, no_reciprocal=True, avoid_last_year=AvoidLastYear.HARD)
    page = path_of(exchange_id, "rules")
    for change in ("allow_loops::", "allow_reciprocal::", "soften_last_year::"):
        assert press(client, f"{page}/loosen", on=page, change=change).status_code == 303
    exchange = db.session.scalars(select(Exchange)).one()
    assert not exchange.single_loop
    assert not exchange.no_reciprocal
    assert exchange.avoid_last_year is AvoidLastYear.SOFT


def large(client: FlaskClient) -> tuple[int, str]:
    exchange_id = organized(client)
    participants(exchange_id, 40)
    return exchange_id, path_of(exchange_id, "rules")


def test_in_a_large_exchange_rules_are_typed_and_listed(client: FlaskClient) -> None:
    exchange_id, page = large(client)
    zoe, yan = named(exchange_id, "Zoe", "Yan")
    assert "matrix" not in client.get(page).text
    answer = press(client, f"{page}/exclusions", on=page, giver="zoe", recipient="Yan", is_mutual="y")
    assert answer.status_code == 303
    assert excluded() == {(zoe, yan), (yan, zoe)}
    found = client.get(page, query_string={"q": "zoe"}).text
    assert "nor back" in found
    assert "Page" not in found
    press(client, f"{page}/allow", on=page, giver=person_id(zoe), recipient=person_id(yan))
    assert excluded() == {(yan, zoe)}


@pytest.mark.parametrize(
    ("giver", "recipient", "field", "complaint"),
    [
        ("", "Zoe", "giver", "This is needed."),
        ("Zoe", "", "recipient", "This is needed."),
        ("Nobody", "Zoe", "giver", "Nobody here is called"),
        ("Ann", "Zoe", "giver", "Several people"),
        ("Zoe", "zoe@example.org", "recipient", "Nobody gives to themselves"),
    ],
)
def test_names_that_mean_nobody_or_several_come_back(
    client: FlaskClient, giver: str, recipient: str, field: str, complaint: str
) -> None:
    exchange_id, page = large(client)
    a_participant(exchange_id, name="Zoe", email="zoe@example.org")
    answer = press(client, f"{page}/exclusions", on=page, giver=giver, recipient=recipient)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert complaint in answer.text
    assert f'value="{giver}"' in answer.text
    assert excluded() == set()


def test_people_are_put_into_a_household_and_taken_out(client: FlaskClient) -> None:
    exchange_id = organized(client)
    ann, bob, _cem = named(exchange_id, "Ann", "Bob", "Cem")
    page = path_of(exchange_id, "rules")
    token = csrf_token(client.get(page).text)
    ticked = {"csrf_token": token, "people": [person_id(ann), person_id(bob)], "household": "Attic"}
    assert client.post(f"{page}/households", data=ticked).status_code == 303
    homes = select(Participant.name).where(Participant.household_id.is_not(None)).order_by(Participant.name)
    assert db.session.scalars(homes).all() == ["Ann", "Bob"]
    press(client, f"{page}/households/leave", on=page, person=person_id(bob))
    assert db.session.scalars(homes).all() == ["Ann"]


def test_in_a_large_exchange_somebody_is_put_into_a_household_by_name(client: FlaskClient) -> None:
    exchange_id, page = large(client)
    named(exchange_id, "Zoe")
    assert press(client, f"{page}/households", on=page, person="Zoe", household="Attic").status_code == 303
    assert db.session.scalars(select(Household.name)).all() == ["Attic"]


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"household": "Attic"}, "household"),
        ({"person": "Nobody", "household": "Attic"}, "person"),
        ({"person": "Zoe", "household": ""}, "household"),
        ({"person": "Zoe", "household": "x" * 121}, "household"),
    ],
)
def test_a_household_needs_somebody_and_a_name(
    client: FlaskClient, typed: dict[str, str], field: str
) -> None:
    exchange_id, page = large(client)
    named(exchange_id, "Zoe")
    answer = press(client, f"{page}/households", on=page, **typed)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text
    assert db.session.scalars(select(Household)).all() == []


def test_options_of_the_draw_are_kept(client: FlaskClient) -> None:
    exchange_id = organized(client)
    named(exchange_id, "Ann", "Bob", "Cem", "Dora")
    page = path_of(exchange_id, "rules")
    press(client, f"{page}/options", on=page, single_loop="y", avoid_last_year="hard")
    exchange = db.session.scalars(select(Exchange)).one()
    assert (exchange.single_loop, exchange.no_reciprocal) == (True, False)
    assert exchange.avoid_last_year is AvoidLastYear.HARD
    assert press(client, f"{page}/options", on=page, avoid_last_year="perhaps").status_code == 422


def test_once_drawn_rules_are_shown_and_not_changed(client: FlaskClient) -> None:
    exchange_id, people = drawn(client)
    page = path_of(exchange_id, "rules")
    shown = client.get(page).text
    assert "The names are drawn." in shown
    assert "<form" not in shown.split("<main")[1].split("</main")[0]
    token = csrf_token(client.get(path_of(exchange_id, "more")).text)
    typed = {"csrf_token": token, "person": [person_id(person) for person in people]}
    assert client.post(f"{page}/matrix", data=typed).status_code == 409
