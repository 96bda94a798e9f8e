"""How an exchange ends: export, called off, kept longer, erased."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

from flask.testing import FlaskClient
from sqlalchemy import select

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.models import CompletedReason, Exchange, ExchangeState, Letter, LetterKind, Participant
from tests.factories import a_participant
from tests.web.exchanging import drawn, name_of, organized, path_of, recipients
from tests.web.signing_in import press


def complete(exchange_id: int) -> None:
    with transaction() as session:
        exchange = session.get_one(Exchange, exchange_id)
        exchange.state, exchange.completed_reason = ExchangeState.COMPLETED, CompletedReason.DATE_PASSED
        exchange.completed_at = now()


def test_the_export_holds_everything_but_who_gives_to_whom(client: FlaskClient) -> None:
    exchange_id, people = drawn(client, name='X "mas" / ../2\n6')
    answer = client.get(path_of(exchange_id, "export.json"))
    kept = json.loads(answer.text)
    assert {person["name"] for person in kept["participants"]} == {name_of(person) for person in people}
    assert "attachment" in answer.headers["Content-Disposition"]
    assert "/" not in answer.headers["Content-Disposition"].split("filename")[1]
    assert "recipient" not in json.dumps({name: kept[name] for name in kept if name != "exclusions"})


def test_a_spreadsheet_runs_nothing_of_what_people_typed(client: FlaskClient) -> None:
    exchange_id = organized(client)
    for name in ("=HYPERLINK(1)", "+1", "-1", "@SUM", "Ann, B."):
        a_participant(exchange_id, name=name)
    text = client.get(path_of(exchange_id, "export.csv")).get_data().decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0][:2] == ["name", "e-mail"]
    names = {row[0] for row in rows[1:]}
    assert names == {"'=HYPERLINK(1)", "'+1", "'-1", "'@SUM", "Ann, B."}


def test_calling_off_tells_everybody(client: FlaskClient) -> None:
    exchange_id, _people = drawn(client, name="Xmas")
    assert "5 people get a letter" in client.get(path_of(exchange_id, "cancel")).text
    press(client, path_of(exchange_id, "cancel"), name="Xmas")
    exchange = db.session.scalars(select(Exchange)).one()
    assert exchange.completed_reason is CompletedReason.CANCELLED
    kinds = db.session.scalars(select(Letter.kind)).all()
    assert kinds.count(LetterKind.EXCHANGE_CANCELLED) == 5
    assert "Called off" in client.get("/exchanges").text


def test_a_draft_that_nobody_knows_of_is_not_called_off(client: FlaskClient) -> None:
    page = client.get(path_of(organized(client, state=ExchangeState.DRAFT), "more")).text
    assert "Call it off" not in page
    assert "Erase now" in page


def test_what_is_over_is_kept_longer(client: FlaskClient) -> None:
    exchange_id, _people = drawn(client)
    complete(exchange_id)
    page = path_of(exchange_id, "more")
    press(client, path_of(exchange_id, "keep"), on=page)
    kept_until = db.session.scalars(select(Exchange.kept_until)).one()
    assert kept_until is not None
    assert kept_until > now() + timedelta(days=59)
    assert "Kept for 30 days more." in client.get(page).text


def test_what_is_not_over_is_not_kept_longer_but_says_so(client: FlaskClient) -> None:
    exchange_id = organized(client)
    press(client, path_of(exchange_id, "keep"), on=path_of(exchange_id, "more"))
    assert "not over yet" in client.get(path_of(exchange_id, "more")).text


def test_erasing_needs_the_name_and_leaves_nothing(client: FlaskClient) -> None:
    exchange_id, _people = drawn(client, name="Xmas")
    complete(exchange_id)
    page = path_of(exchange_id, "erase")
    assert press(client, page, name="Easter").status_code == 422
    answer = press(client, page, name="xmas")
    assert answer.location == "/exchanges"
    assert db.session.scalars(select(Participant)).all() == []
    assert client.get(page).status_code == 404


def test_a_running_exchange_is_not_erased(client: FlaskClient) -> None:
    exchange_id, _people = drawn(client, name="Xmas")
    answer = press(client, path_of(exchange_id, "erase"), name="Xmas")
    assert answer.status_code == 422
    assert "Cancel it first" in answer.text
    assert len(recipients(exchange_id)) == 5


def test_the_page_of_what_is_over_offers_the_next_one(client: FlaskClient) -> None:
    exchange_id, _people = drawn(client)
    complete(exchange_id)
    page = client.get(path_of(exchange_id)).text
    assert "Plan the next one" in page
    assert "erased on" in page
