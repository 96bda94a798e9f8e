"""The draw of a large exchange: pressed, watched with and without JavaScript, and told how it ended."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from sneaky.core.db import db, transaction
from sneaky.core.tokens import new_public_id
from sneaky.exchanges import exclusions
from sneaky.executions import requests
from sneaky.jobs import drawing
from sneaky.models import Exchange, ExecutionState, JobExecution, LetterKind, RunRequest
from tests.clock_factories import a_ticking_clock
from tests.draws import drawn as draws
from tests.factories import an_organizer, participants
from tests.jobs.test_drawing import take_up
from tests.web.exchanging import drawn, name_of, organized, path_of, recipients
from tests.web.signing_in import press


@pytest.fixture(autouse=True)
def five_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "LARGE", 5)


def a_large_exchange(client: FlaskClient) -> tuple[int, list[int]]:
    exchange_id = organized(client)
    return exchange_id, participants(exchange_id, 5)


def exchange_name(exchange_id: int) -> str:
    return db.session.get_one(Exchange, exchange_id).name


def run_id() -> str:
    db.session.remove()
    return db.session.scalars(select(RunRequest.public_id)).one()


def a_run(exchange_id: int, **values: Any) -> None:
    """A run of the draw, asked for and taken up."""
    asked = requests.find(drawing.ask_for_draw(exchange_id, organizer_id=an_organizer()))
    with transaction() as session:
        session.add(
            JobExecution(
                public_id=asked.public_id,
                job_id=asked.job_id,
                slot=asked.requested_at,
                trigger=asked.trigger,
                started_at=asked.requested_at,
                instance=new_public_id(),
                **values,
            )
        )


def told(client: FlaskClient, page: str) -> dict[str, Any]:
    """The same page as JSON."""
    values: dict[str, Any] = client.get(f"{page}.json").get_json()
    return values


def progress_of(exchange_id: int) -> str:
    return path_of(exchange_id, f"draw/runs/{run_id()}")


def test_it_is_asked_for_once_and_watched_until_it_is_drawn(client: FlaskClient) -> None:
    exchange_id, _people = a_large_exchange(client)
    a_ticking_clock()
    answer = press(client, path_of(exchange_id, "draw"), anyway="y")
    page = progress_of(exchange_id)
    assert (answer.status_code, answer.location) == (303, page)
    assert client.get(path_of(exchange_id, "draw")).location == page
    assert page in client.get(path_of(exchange_id)).text
    waiting = client.get(page).text
    assert "It begins within ten seconds" in waiting
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in waiting
    assert told(client, page)["state"] == "waiting"
    take_up(run_id())
    over = client.get(page).text
    assert "Drawn!" in over
    assert "5 letters go out now" in over
    assert "refresh" not in over
    assert "data-hx-get" not in over
    drawing_now = told(client, page)
    assert (drawing_now["state"], drawing_now["letters"]) == ("drawn", 5)
    assert "being drawn" not in client.get(path_of(exchange_id)).text


def test_a_running_draw_shows_how_far_it_is(client: FlaskClient) -> None:
    exchange_id, _people = a_large_exchange(client)
    a_run(exchange_id, state=ExecutionState.RUNNING, done=5, total=10)
    page = progress_of(exchange_id)
    assert '<progress class="meter" value="5" max="10"' in client.get(page).text
    region = client.get(page, headers={"HX-Request": "true"}).text
    assert region.lstrip().startswith("<div")
    assert f'data-hx-get="{page}"' in region
    drawing_now = told(client, page)
    assert (drawing_now["state"], drawing_now["done"], drawing_now["total"]) == ("running", 5, 10)


def test_without_a_clock_the_page_says_so(client: FlaskClient) -> None:
    exchange_id, _people = a_large_exchange(client)
    press(client, path_of(exchange_id, "draw"), anyway="y")
    assert "right now it does not" in client.get(progress_of(exchange_id)).text


def test_mail_has_to_be_proven_here_too(client: FlaskClient) -> None:
    exchange_id, _people = a_large_exchange(client)
    answer = press(client, path_of(exchange_id, "draw"))
    assert answer.status_code == 422
    assert "test letter" in answer.text
    assert db.session.scalars(select(RunRequest)).all() == []


def test_rules_that_became_impossible_meanwhile_are_told_with_what_helps(client: FlaskClient) -> None:
    exchange_id, [ann, *others] = a_large_exchange(client)
    press(client, path_of(exchange_id, "draw"), anyway="y")
    for other in others:
        exclusions.exclude(exchange_id, ann, other, is_mutual=False)
    take_up(run_id())
    page = client.get(progress_of(exchange_id)).text
    assert f"{name_of(ann)} may not give to anybody" in page
    assert "This would help" in page


@pytest.mark.parametrize(
    ("state", "words"),
    [(ExecutionState.FAILED, "Something went wrong"), (ExecutionState.SUCCEEDED, "Stopped on request")],
)
def test_a_run_that_drew_nothing_says_so(client: FlaskClient, state: ExecutionState, words: str) -> None:
    exchange_id, _people = a_large_exchange(client)
    a_run(exchange_id, state=state, reason="stopped on request")
    assert words in client.get(progress_of(exchange_id)).text


def test_a_new_draw_for_everybody_goes_the_same_way(client: FlaskClient) -> None:
    exchange_id, people = drawn(client)
    answer = press(client, path_of(exchange_id, "draw/again"), name=exchange_name(exchange_id))
    assert answer.location == progress_of(exchange_id)
    assert "being drawn" in client.get(path_of(exchange_id)).text
    take_up(run_id())
    assert draws.addressees(LetterKind.RECIPIENT_CHANGED) == people


def test_an_old_page_of_the_first_draw_does_not_draw_again(client: FlaskClient) -> None:
    exchange_id, _people = drawn(client)
    before = recipients(exchange_id)
    answer = press(client, path_of(exchange_id, "draw"), on=path_of(exchange_id), anyway="y")
    assert answer.status_code == 422
    assert "The names are drawn already." in answer.text
    assert db.session.scalars(select(RunRequest)).all() == []
    assert recipients(exchange_id) == before


def test_there_is_nothing_to_draw_again_before_the_draw(client: FlaskClient) -> None:
    exchange_id, _people = a_large_exchange(client)
    page, name = path_of(exchange_id, "draw/again"), exchange_name(exchange_id)
    assert "no draw to replace" in press(client, page, name=name).text
    assert db.session.scalars(select(RunRequest)).all() == []


def test_a_run_of_something_else_is_not_found(client: FlaskClient) -> None:
    exchange_id, _people = a_large_exchange(client)
    requests.ask("purge_old_exchanges")
    assert client.get(progress_of(exchange_id)).status_code == 404
