"""Whose pages these are: everybody else gets the answer of an absent exchange, and nobody sees pairs."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sneaky.core.tokens import new_public_id
from sneaky.draws import reveal
from tests.factories import a_participant, an_exchange, an_organizer, participants
from tests.web.exchanging import counted_queries, drawn, name_of, organized, path_of, person_id, recipients
from tests.web.signing_in import csrf_token, sign_in_organizer, sign_in_participant

# Filled in here, since a route that is not on the list would not be noticed.
WITHOUT_EXCHANGE = {"organizer.dashboard", "organizer.create"}


def routes(app: Flask) -> list[tuple[str, str, str]]:
    """Every route for organizers as (endpoint, method, rule)."""
    return [
        (rule.endpoint, method, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("organizer.")
        for method in sorted((rule.methods or set()) & {"GET", "POST"})
    ]


def addresses(app: Flask, exchange_id: str, person: str) -> list[tuple[str, str]]:
    """Every route about one exchange as (method, address)."""
    return [
        (method, rule.replace("<public_id>", exchange_id).replace("<person_id>", person))
        for endpoint, method, rule in routes(app)
        if endpoint not in WITHOUT_EXCHANGE
    ]


def test_every_route_is_about_an_exchange_or_known_not_to_be(app: Flask) -> None:
    for endpoint, _method, rule in routes(app):
        assert ("<public_id>" in rule) != (endpoint in WITHOUT_EXCHANGE)


def answers(
    client: FlaskClient, app: Flask, exchange_id: str, person: str, token: str
) -> list[tuple[int, str]]:
    """Status and page of every route, with a form token that is good."""
    found = []
    for method, address in addresses(app, exchange_id, person):
        answer = client.open(address, method=method, data={"csrf_token": token})
        found.append((answer.status_code, answer.text.replace(token, "")))
    return found


def test_a_foreign_exchange_answers_like_one_that_does_not_exist(client: FlaskClient, app: Flask) -> None:
    foreign, people = drawn(client)
    foreign_id, person = path_of(foreign).rsplit("/", 1)[1], person_id(people[0])
    sign_in_organizer(client, an_organizer())
    token = csrf_token(client.get("/exchanges").text)
    foreign_answers = answers(client, app, foreign_id, person, token)
    absent_answers = answers(client, app, new_public_id(), new_public_id(), token)
    assert {status for status, _page in foreign_answers} == {404}
    assert foreign_answers == absent_answers


def test_a_foreign_person_answers_like_one_who_does_not_exist(client: FlaskClient, app: Flask) -> None:
    _foreign, people = drawn(client)
    own, _own_people = drawn(client)
    own_id = path_of(own).rsplit("/", 1)[1]
    token = csrf_token(client.get("/exchanges").text)
    for method, address in addresses(app, own_id, person_id(people[0])):
        if person_id(people[0]) in address:
            answer = client.open(address, method=method, data={"csrf_token": token})
            assert answer.status_code == 404, address


@pytest.mark.parametrize("page", ["rules/allow", "rules/households/leave"])
def test_a_foreign_person_in_a_form_is_not_found_either(client: FlaskClient, page: str) -> None:
    _foreign, people = drawn(client)
    own = organized(client)
    here = participants(own, 3)
    token = csrf_token(client.get(path_of(own, "rules")).text)
    stranger = person_id(people[0])
    typed = {"csrf_token": token, "giver": person_id(here[0]), "recipient": stranger, "person": stranger}
    assert client.post(path_of(own, page), data=typed).status_code == 404


def test_visitors_and_participants_are_sent_to_sign_in(client: FlaskClient, app: Flask) -> None:
    exchange_id, people = drawn(client)
    own_id, person = path_of(exchange_id).rsplit("/", 1)[1], person_id(people[0])
    visitor, guest = app.test_client(), app.test_client()
    sign_in_participant(guest, people[0])
    token = csrf_token(guest.get("/me").text)
    for method, address in addresses(app, own_id, person):
        answer = guest.open(address, method=method, data={"csrf_token": token})
        assert (answer.status_code, answer.location.split("?")[0]) == (303, "/sign-in"), address
        if method == "GET":
            assert visitor.get(address).status_code == 303


def test_a_form_without_token_changes_nothing(client: FlaskClient, app: Flask) -> None:
    exchange_id, people = drawn(client)
    own_id, person = path_of(exchange_id).rsplit("/", 1)[1], person_id(people[0])
    for method, address in addresses(app, own_id, person):
        if method == "POST":
            assert client.post(address).status_code == 400, address
    assert len(recipients(exchange_id)) == 5


def test_no_page_for_the_organizer_tells_who_gives_to_whom(client: FlaskClient, app: Flask) -> None:
    """No row of any page names a giver and their recipient together."""
    exchange_id, people = drawn(client, people=12)
    for person in people[:6]:
        reveal.reveal(person)
    own_id = path_of(exchange_id).rsplit("/", 1)[1]
    pairs = [(person_id(giver), person_id(recipient)) for giver, recipient in recipients(exchange_id).items()]
    names = [(name_of(giver), name_of(recipient)) for giver, recipient in recipients(exchange_id).items()]
    for method, address in addresses(app, own_id, person_id(people[0])):
        if method != "GET":
            continue
        page = client.get(address).text
        rows = page.split("<tr>")[1:]
        for (giver, recipient), (giver_id, recipient_id) in zip(names, pairs, strict=True):
            together = [row for row in rows if giver_id in row and recipient_id in row]
            assert together == [], address
            named = [row for row in rows if f">{giver}<" in row and f">{recipient}<" in row]
            assert named == [], address


def test_people_stand_in_an_order_that_tells_nothing(client: FlaskClient, app: Flask) -> None:
    exchange_id, people = drawn(client, people=12)
    page = client.get(path_of(exchange_id, "participants")).text
    places = [page.index(f">{name_of(person)}<") for person in people]
    by_name = sorted(people, key=lambda person: name_of(person).lower())
    assert sorted(people, key=lambda person: places[people.index(person)]) == by_name


@pytest.mark.parametrize(
    ("page", "most"),
    [
        ("", 6),
        ("participants", 5),
        ("rules", 10),
        ("letters", 5),
        ("reminders", 4),
        ("edit", 3),
        ("more", 5),
        ("repair", 5),
    ],
)
def test_pages_ask_the_same_few_questions_for_few_people_and_for_many(
    client: FlaskClient, app: Flask, page: str, most: int
) -> None:
    """One finds the session, one the exchange, then the page asks three; the verdict asks its own."""
    counts = []
    exchange_id = organized(client)
    address = path_of(exchange_id, page)
    a_participant(exchange_id)
    for more in (12, 60):
        participants(exchange_id, more)
        client.get(address)
        with counted_queries(app) as sent:
            client.get(address)
        counts.append(len(sent))
    assert len(set(counts)) == 1 or page == "rules", counts
    assert max(counts) <= most, counts


def test_the_dashboard_asks_the_same_for_one_exchange_and_for_many(client: FlaskClient, app: Flask) -> None:
    organizer_id = an_organizer()
    sign_in_organizer(client, organizer_id)
    counts = []
    for more in (1, 9):
        for _each in range(more):
            participants(an_exchange(organizer_id), 2)
        client.get("/exchanges")
        with counted_queries(app) as sent:
            client.get("/exchanges")
        counts.append(len(sent))
    assert counts == [2, 2]
