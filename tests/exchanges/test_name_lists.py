"""Pasted lines are shown as understood before anybody is added."""

from __future__ import annotations

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from sneaky.core.db import db, transaction
from sneaky.core.errors import RuleBroken
from sneaky.exchanges import households, name_lists
from sneaky.exchanges.name_lists import PreviewRow, add_many, read_lines
from sneaky.models import ExchangeState, Participant, ParticipantState
from tests import factories
from tests.web.exchanging import counted_queries


def read(text: str) -> list[tuple[str, str, str]]:
    return [(row.name, row.email, row.household) for row in read_lines(text).good]


@pytest.mark.parametrize(
    "text",
    [
        "Ann Lee, ann@example.org",
        "Ann Lee; ann@example.org",
        "Ann Lee\tann@example.org",
        '"Ann Lee","ANN@example.org"',
        "Ann Lee <ann@example.org>",
        "ann@example.org, Ann Lee",
        "Ann Lee, <ann@example.org>",
        "Name, E-Mail\nAnn Lee, ann@example.org",
        "\ufeffname;email\r\nAnn Lee;ann@example.org\r\n\r\n ; \r\n",
        "Ann Lee, ann@example.org,",
        "name,e-mail,household,state\r\nAnn Lee,ann@example.org,,active\r\n",  # our own export
    ],
)
def test_lines_are_understood(text: str) -> None:
    assert read(text) == [("Ann Lee", "ann@example.org", "")]


@pytest.mark.parametrize(
    "text",
    [
        "Lee, Ann;ann@example.org;Miller",
        '"Lee, Ann";ann@example.org;Miller',
        "Lee, Ann\tann@example.org\tMiller",
    ],
)
def test_a_name_may_hold_a_comma(text: str) -> None:
    assert read(text) == [("Lee, Ann", "ann@example.org", "Miller")]


def test_a_third_cell_is_the_household() -> None:
    assert read('"Lee, Ann", ann@example.org, Miller') == [("Lee, Ann", "ann@example.org", "Miller")]
    assert read("Ann Lee <ann@example.org>, Miller") == [("Ann Lee", "ann@example.org", "Miller")]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Ann", "mail address"),
        ("Ann, nonsense", "mail address"),
        (", ann@example.org", "The name is missing"),
        ("ann@example.org", "The name is missing"),
        ("x" * 121 + ", ann@example.org", "keep it to 120"),
        ("Ann, ann@example.org, " + "x" * 121, "keep it to 120"),
        ("x" * 200_000, "keep it to 120"),
        ('Ann, ann@example.org, "' + "x" * 200_000, "keep it to 120"),
        ("Bob, ann@example.org\nAnn, ANN@example.org", "twice"),
        ("name,e-mail,household,state\nAnn,ann@example.org,Miller,withdrawn", "had left"),
    ],
)
def test_each_line_says_what_is_wrong_with_it(text: str, problem: str) -> None:
    assert problem in str(read_lines(text).rows[-1].problem)


def test_what_follows_a_household_is_passed_over() -> None:
    assert read("Ann, ann@example.org, Miller," + "x" * 200_000) == [("Ann", "ann@example.org", "Miller")]


def test_nothing_is_nobody() -> None:
    assert read_lines("").rows == read_lines("\n ,\n").rows == []


def test_too_many_lines_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_lists, "MOST_LINES", 2)
    with pytest.raises(RuleBroken) as broken:
        read_lines("a, a@example.org\nb, b@example.org\nc, c@example.org")
    assert broken.value.field == "lines"


@given(st.text(max_size=200))
def test_anything_can_be_pasted(text: str) -> None:
    for row in read_lines(text).rows:
        assert row.problem is not None or (row.name and "@" in row.email)


def test_whoever_takes_part_is_pointed_out_and_left_alone(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    ann = factories.a_participant(exchange_id, name="Ann", email="ann@example.org")
    preview = read_lines("Anna, ann@example.org\nBob, bob@example.org", exchange_id)
    assert [str(row.problem) for row in preview.rows] == ["takes part already", "None"]
    assert add_many(exchange_id, preview.rows) == 1
    unaware = read_lines("Anna, ann@example.org\nBob, bob@example.org")
    assert add_many(exchange_id, unaware.rows) == 0
    assert db.session.get_one(Participant, ann).name == "Ann"


def test_people_are_added_brought_back_and_housed(any_app: Flask) -> None:
    exchange_id = factories.an_exchange()
    for state in (ParticipantState.PENDING, ParticipantState.WITHDRAWN):
        factories.a_participant(exchange_id, email=f"{state}@example.org", state=state)
    added = add_many(
        exchange_id,
        [
            PreviewRow("Ann", "ann@example.org", "Miller"),
            PreviewRow("Bob", "bob@example.org", "miller"),
            PreviewRow("Pen", "pending@example.org", "Miller"),
            PreviewRow("Wim", "withdrawn@example.org"),
            PreviewRow("Bad", "bad@example.org", problem=RuleBroken("no")),
        ],
    )
    assert added == 4
    everybody = db.session.scalars(select(Participant)).all()
    assert {person.state for person in everybody} == {ParticipantState.ACTIVE}
    assert {person.name for person in everybody} == {"Ann", "Bob", "Pen", "Wim"}
    (home,) = households.listed(exchange_id)
    assert [member.name for member in home.members] == ["Ann", "Bob", "Pen"]


def test_who_comes_back_by_a_list_stays_in_their_household(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    for name in ("ann", "bob"):
        joined = factories.a_participant(
            exchange_id, name=name, email=f"{name}@example.org", state=ParticipantState.PENDING
        )
        households.assign(joined, "Miller")
    add_many(exchange_id, read_lines("Ann, ann@example.org\nBob, bob@example.org, Attic").good)
    homes = {home.name: [member.name for member in home.members] for home in households.listed(exchange_id)}
    assert homes == {"Attic": ["Bob"], "Miller": ["Ann"]}


def test_nobody_is_added_after_the_draw(app: Flask) -> None:
    exchange_id = factories.an_exchange(state=ExchangeState.MATCHED)
    with pytest.raises(RuleBroken, match="Somebody leaves or joins"):
        add_many(exchange_id, [PreviewRow("Ann", "ann@example.org")])


def test_a_long_list_with_many_households_takes_a_few_statements(any_app: Flask) -> None:
    """All the while nobody else can write on SQLite, and each would wait for five seconds at most."""
    exchange_id = factories.an_exchange()
    rows = [PreviewRow(f"P {n}", f"p{n}@example.org", f"Home {n // 3}") for n in range(300)]
    with counted_queries(any_app) as statements:
        assert add_many(exchange_id, rows) == 300
    assert len(statements) < 15
    with transaction() as session:
        session.execute(update(Participant).values(state=ParticipantState.WITHDRAWN))
    with counted_queries(any_app) as statements:
        assert add_many(exchange_id, rows) == 300
    assert len(statements) < 15
    assert [len(home.members) for home in households.listed(exchange_id)] == [3] * 100
