"""Every page of organizers and participants: one title, one way on, names for controls, ids used once."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from flask.testing import FlaskClient

from sneaky import conversations, wishlists
from sneaky.draws import reveal
from sneaky.exchanges import exclusions, lifecycle
from sneaky.models import LetterState, MessageAuthor
from tests.factories import participants
from tests.web.exchanging import drawn, organized, path_of, person_id, settle_letters
from tests.web.signing_in import sign_in_participant

OF_EXCHANGE = (
    *("", "participants", "participants/list", "rules", "draw", "letters", "reminders", "edit", "more"),
    *("invitation", "cancel", "erase", "draw/again", "draw/break-glass", "repair", "rescue"),
)
OF_PARTICIPANT = (
    *("/me", "/me/wish-list", "/me/talk/recipient", "/me/talk/giver", "/me/preferences", "/me/data"),
    *("/me/postal-address", "/me/leave", "/me/forget"),
)


class Outline(HTMLParser):
    """What a page is made of, as far as these tests ask."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.headings: list[int] = []
        self.labelled: set[str] = set()
        self.controls: list[dict[str, str | None]] = []
        self.filled: int = 0
        self._inside: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note ids, headings, labels, controls and filled buttons; the hidden dialog asks on its own."""
        values = dict(attrs)
        if tag == "dialog":
            self._inside.append(tag)
        if values.get("id"):
            self.ids.append(values["id"] or "")
        if tag in {"h1", "h2", "h3", "h4"} and not self._inside:
            self.headings.append(int(tag[1]))
        if tag == "label":
            self._inside.append("label")
            self.labelled.add(values.get("for") or "")
        is_hidden = values.get("type") == "hidden"
        if tag in {"input", "select", "textarea"} and not is_hidden:
            self.controls.append(values | {"inside": "label" if "label" in self._inside else ""})
        if values.get("class") == "btn" and "dialog" not in self._inside:
            self.filled += 1

    def handle_endtag(self, tag: str) -> None:
        """Leave a label or a dialog."""
        if tag in {"label", "dialog"}:
            self._inside.remove(tag)


def assert_well_made(page: str) -> None:
    outline = Outline(page)
    assert [name for name, times in Counter(outline.ids).items() if times > 1] == []
    assert outline.headings.count(1) == 1
    assert outline.headings[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(outline.headings))
    for control in outline.controls:
        assert control["inside"] or control.get("id") in outline.labelled, control
    assert outline.filled <= 1


@pytest.mark.parametrize("people", [0, 5, 20])
def test_before_the_draw(client: FlaskClient, people: int) -> None:
    exchange_id = organized(client)
    here = participants(exchange_id, people)
    if here:
        exclusions.exclude(exchange_id, here[0], here[1], is_mutual=True)
    for page in OF_EXCHANGE:
        answer = client.get(path_of(exchange_id, page))
        assert answer.status_code == 200, page
        assert_well_made(answer.text)


@pytest.mark.parametrize("is_over", [False, True])
def test_after_the_draw(client: FlaskClient, is_over: bool) -> None:
    exchange_id, people = drawn(client)
    settle_letters(exchange_id, LetterState.DEAD, error="550", only=people[0])
    settle_letters(exchange_id, LetterState.FAILED, error="421", only=people[1])
    if is_over:
        lifecycle.cancel(exchange_id)
    of_people = [f"participants/{person_id(person)}" for person in people[:2]]
    for page in (*OF_EXCHANGE, *of_people):
        assert_well_made(client.get(path_of(exchange_id, page)).text)


@pytest.mark.parametrize("stage", ["waiting", "sealed", "opened"])
def test_pages_of_participants(client: FlaskClient, stage: str) -> None:
    person = participants(organized(client), 1)[0] if stage == "waiting" else drawn(client)[1][0]
    item = wishlists.add(person, "Tea pot", "example.org", "Blue")
    if stage == "opened":
        reveal.reveal(person)
        conversations.write(person, MessageAuthor.GIVER, "Hello?")
    sign_in_participant(client, person)
    for page in (*OF_PARTICIPANT, f"/me/wish-list/{item}"):
        assert_well_made(client.get(page).text)


def test_the_dashboard_and_a_new_exchange(client: FlaskClient) -> None:
    drawn(client)
    for page in ("/exchanges", "/exchanges/new"):
        assert_well_made(client.get(page).text)


def test_several_numbers_are_typed_on_a_whole_keyboard(client: FlaskClient) -> None:
    """A phone's keys for numbers alone have neither comma nor space, which stand between days."""
    exchange_id = organized(client)
    for page in ("/exchanges/new", path_of(exchange_id, "edit"), path_of(exchange_id, "reminders")):
        controls = Outline(client.get(page).text).controls
        assert [each.get("inputmode") for each in controls if "days" in (each["name"] or "")] == [None]
