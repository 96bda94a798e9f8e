"""Buttons that change a draw, pressed twice or on a page that is no longer true: it changes once."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from sneaky.core.db import db
from sneaky.draws import repair
from sneaky.jobs import drawing
from sneaky.models import AuditEntry, Draw, RunRequest
from tests.jobs.test_drawing import take_up
from tests.web.exchanging import drawn, path_of, person_id, recipients
from tests.web.reading import Page
from tests.web.signing_in import press

CHANGED = "The draw has changed since you opened this page"


def mendings() -> int:
    return len(db.session.scalars(select(AuditEntry).where(AuditEntry.action == "draw.mended")).all())


def press_as_shown(client: FlaskClient, path: str, page: str, button: str, **typed: str) -> TestResponse:
    """Send the form with this button just as the page has it, whatever happened since."""
    return client.post(path, data=Page(page).form(button).values | typed)


@pytest.mark.parametrize("field", ["swapping", "leaving"])
def test_a_mending_that_is_pressed_twice_happens_once(client: FlaskClient, field: str) -> None:
    exchange_id, people = drawn(client, people=6)
    page = path_of(exchange_id, "repair")
    shown = press(client, page, **{field: person_id(people[0])}).text
    assert press_as_shown(client, page, shown, "Do it now").status_code == 303
    after = recipients(exchange_id)
    second = press_as_shown(client, page, shown, "Do it now")
    assert second.status_code == 422
    assert CHANGED in second.text
    assert (recipients(exchange_id), mendings()) == (after, 1)


def test_after_another_look_it_is_mended_again(client: FlaskClient) -> None:
    exchange_id, people = drawn(client, people=6)
    page, asked = path_of(exchange_id, "repair"), {"swapping": person_id(people[0])}
    for _ in range(2):
        shown = press(client, page, **asked).text
        assert press_as_shown(client, page, shown, "Do it now").status_code == 303
    assert mendings() == 2


def test_a_mending_waits_for_another_look_once_somebody_has_left(client: FlaskClient) -> None:
    exchange_id, people = drawn(client, people=6)
    page = path_of(exchange_id, "repair")
    shown = press(client, page, joining="Zoe, zoe@example.org").text
    repair.withdraw(people[0])
    before = recipients(exchange_id)
    answer = press_as_shown(client, page, shown, "Do it now")
    assert CHANGED in answer.text
    assert "Zoe, zoe@example.org" in answer.text, "nobody has to type it again"
    assert recipients(exchange_id) == before


@pytest.mark.parametrize("is_large", [False, True])
def test_a_new_draw_that_is_pressed_twice_is_made_once(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, is_large: bool
) -> None:
    monkeypatch.setattr(drawing, "LARGE", 5 if is_large else 1000)
    exchange_id, _people = drawn(client, name="Xmas")
    page = path_of(exchange_id, "draw/again")
    shown = client.get(page).text
    assert press_as_shown(client, page, shown, "Draw again", name="Xmas").status_code == 303
    for run_id in db.session.scalars(select(RunRequest.public_id)).all():
        take_up(run_id)
    after = recipients(exchange_id)
    second = press_as_shown(client, page, shown, "Draw again", name="Xmas")
    assert second.status_code == 422
    assert CHANGED in second.text
    assert recipients(exchange_id) == after
    assert len(db.session.scalars(select(Draw.id)).all()) == 2
    assert len(db.session.scalars(select(RunRequest.id)).all()) == is_large
