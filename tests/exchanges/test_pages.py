"""What pages about exchanges show, on both databases: order, search, pages, and what they must not tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.errors import NotFound
from sneaky.draws import conduct, repair, reveal
from sneaky.exchanges import exclusions, households
from sneaky.exchanges.pages.dashboard import _CARDS, dashboard
from sneaky.exchanges.pages.exchange import exchange_page
from sneaky.exchanges.pages.facts import Next, Step
from sneaky.exchanges.pages.letters import KINDS_SHOWN, letters_page
from sneaky.exchanges.pages.participant import own_page
from sneaky.exchanges.pages.people import participant_page, participants_page
from sneaky.exchanges.pages.repair import PEOPLE_TO_TICK, repair_page
from sneaky.exchanges.pages.rules import rules_page
from sneaky.exchanges.pages.settings import settings_page
from sneaky.exchanges.pages.timeline import Happening, Standing, reminders_page
from sneaky.models import (
    CompletedReason,
    Exchange,
    ExchangeState,
    Letter,
    LetterKind,
    LetterState,
    ParticipantState,
)
from sneaky.models.states import TELLING
from tests.factories import a_participant, an_exchange, an_organizer, participants

EVENT = datetime(2030, 12, 24, 17, tzinfo=UTC)


def a_letter(exchange_id: int, participant_id: int | None, **values: Any) -> None:
    fields = {
        "kind": LetterKind.MATCH,
        "state": LetterState.SENT,
        "priority": 1,
        "to_email": "ann@example.org",
        "exchange_id": exchange_id,
        "participant_id": participant_id,
        "next_try_at": now(),
        "created_at": now(),
    }
    with transaction() as session:
        session.add(Letter(**fields | values))


def change(exchange_id: int, **values: Any) -> None:
    with transaction() as session:
        session.execute(update(Exchange).where(Exchange.id == exchange_id).values(**values))


@pytest.mark.parametrize("page", [exchange_page, letters_page, participants_page, reminders_page, rules_page])
def test_an_unknown_exchange_has_no_page(app: Flask, page: Any) -> None:
    with pytest.raises(NotFound):
        page(404)


def test_one_s_own_page_and_settings_need_somebody(app: Flask) -> None:
    for page in (own_page, settings_page, repair_page):
        with pytest.raises(NotFound):
            page(404)


@pytest.mark.parametrize(
    ("values", "people", "expected"),
    [
        ({"state": ExchangeState.DRAFT}, 5, Step.OPEN),
        ({"state": ExchangeState.DRAFT, "event_at": datetime(2020, 1, 1, tzinfo=UTC)}, 5, Step.NEW_DATE),
        ({"event_at": datetime(2020, 1, 1, tzinfo=UTC)}, 3, Step.NEW_DATE),
        ({}, 2, Step.INVITE),
        ({}, 3, Step.DRAW),
        ({"registration_ends_at": datetime(2100, 1, 1, tzinfo=UTC)}, 3, Step.JOINING_ENDS),
        ({"registration_ends_at": datetime(2020, 1, 1, tzinfo=UTC)}, 3, Step.DRAW),
        ({"state": ExchangeState.REGISTRATION_CLOSED}, 3, Step.DRAW),
    ],
)
def test_what_is_next_before_the_draw(
    app: Flask, values: dict[str, Any], people: int, expected: Step
) -> None:
    exchange_id = an_exchange(**values)
    participants(exchange_id, people)
    assert exchange_page(exchange_id).next.step is expected


def test_what_is_next_after_the_draw_and_at_the_end(any_app: Flask) -> None:
    exchange_id = an_exchange(reminder_days=[3, 1])
    participants(exchange_id, 4)
    conduct.conduct_draw(exchange_id, even_if_mail_unproven=True)
    page = exchange_page(exchange_id)
    assert page.next == Next(Step.REMINDER, page.facts.event_at - timedelta(days=3))
    over = {"state": ExchangeState.COMPLETED, "completed_reason": CompletedReason.DATE_PASSED}
    change(exchange_id, **over, completed_at=EVENT)
    page = exchange_page(exchange_id)
    assert page.next == Next(Step.ERASED, EVENT + timedelta(days=30))
    change(exchange_id, kept_until=EVENT + timedelta(days=90))
    facts = exchange_page(exchange_id).facts
    assert facts.erased_at == EVENT + timedelta(days=90)
    assert facts.warned_at == EVENT + timedelta(days=83)


def test_the_dashboard_has_what_comes_first_and_what_is_over_last(any_app: Flask) -> None:
    organizer_id = an_organizer()
    names = {"over": 2030, "later": 2032, "sooner": 2031}
    for name, year in names.items():
        an_exchange(organizer_id, name=name, event_local=datetime(year, 1, 1))  # noqa: DTZ001
    an_exchange(name="foreign")
    with transaction() as session:
        session.execute(
            update(Exchange)
            .where(Exchange.name == "over")
            .values(
                state=ExchangeState.COMPLETED,
                completed_at=now(),
                completed_reason=CompletedReason.CANCELLED,
            )
        )
    assert [card.facts.name for card in dashboard(organizer_id).cards] == ["sooner", "later", "over"]


@pytest.mark.sqlite
def test_the_dashboard_goes_through_no_reminders_of_others(app: Flask) -> None:
    statement = _CARDS.compile(db.engine, compile_kwargs={"render_postcompile": True})
    given = statement.construct_params({"organizer_id": an_organizer()})
    with db.engine.connect() as connection:
        arguments = tuple(given[name] for name in statement.positiontup or ())
        plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", arguments).all())
    assert "SEARCH reminder USING INDEX sqlite_autoindex_reminder_1 (exchange_id=?)" in plan


def test_people_in_trouble_come_first_and_those_who_left_last(any_app: Flask) -> None:
    exchange_id = an_exchange()
    a_participant(exchange_id, name="Ann", state=ParticipantState.WITHDRAWN)
    bob = a_participant(exchange_id, name="bob")
    cem = a_participant(exchange_id, name="Cem")
    a_letter(exchange_id, bob)
    a_letter(exchange_id, cem, state=LetterState.DEAD, error="550 No such mailbox")
    page = participants_page(exchange_id)
    assert [row.name for row in page.people.rows] == ["Cem", "bob", "Ann"]
    assert [row.is_unreachable for row in page.people.rows] == [True, False, False]
    assert [row.name for row in exchange_page(exchange_id).people] == ["Cem", "bob"]
    assert exchange_page(exchange_id).progress.unreachable == 1


def test_a_letter_after_the_lost_one_ends_the_trouble(any_app: Flask) -> None:
    exchange_id = an_exchange()
    ann = a_participant(exchange_id)
    a_letter(exchange_id, ann, state=LetterState.DEAD)
    a_letter(exchange_id, ann, kind=LetterKind.REMINDER)
    assert exchange_page(exchange_id).progress.unreachable == 0
    assert not exchange_page(exchange_id).unreachable


def test_a_lost_letter_of_a_telling_kind_shows_only_as_lost(any_app: Flask) -> None:
    exchange_id = an_exchange()
    ann, bob = participants(exchange_id, 2)
    a_letter(exchange_id, ann)
    a_letter(exchange_id, bob)
    a_letter(exchange_id, ann, kind=LetterKind.RECIPIENT_CHANGED, state=LetterState.QUEUED)
    shown = [row.letter_state for row in participants_page(exchange_id).people.rows if row.letter_state]
    assert shown == [LetterState.SENT, LetterState.SENT]
    a_letter(exchange_id, bob, kind=LetterKind.NEW_MESSAGE, state=LetterState.DEAD)
    assert len(exchange_page(exchange_id).unreachable) == 1


def test_search_takes_names_addresses_and_households_literally(any_app: Flask) -> None:
    exchange_id = an_exchange()
    ann = a_participant(exchange_id, name="Ann_1", email="first@example.org")
    a_participant(exchange_id, name="Annx1", email="second@example.org")
    households.assign(ann, "Attic")
    found = {
        search: [row.name for row in participants_page(exchange_id, search=search).people.rows]
        for search in ("ann_1", "SECOND@", "attic", "%", "  ")
    }
    assert found == {
        "ann_1": ["Ann_1"],
        "SECOND@": ["Annx1"],
        "attic": ["Ann_1"],
        "%": [],
        "  ": ["Ann_1", "Annx1"],
    }


@pytest.mark.parametrize(("number", "expected", "rows"), [(1, 1, 50), (2, 2, 10), (9, 2, 10), (-1, 1, 50)])
def test_a_page_that_does_not_exist_is_the_nearest_one(
    app: Flask, number: int, expected: int, rows: int
) -> None:
    exchange_id = an_exchange()
    participants(exchange_id, 60)
    people = participants_page(exchange_id, number=number).people
    assert (people.number, len(people.rows), people.last, people.total) == (expected, rows, 2, 60)


def test_somebody_from_another_exchange_has_no_page_here(app: Flask) -> None:
    with pytest.raises(NotFound):
        participant_page(an_exchange(), a_participant(an_exchange()))


def test_who_looked_is_told_until_a_repair(any_app: Flask) -> None:
    exchange_id = an_exchange()
    people = participants(exchange_id, 6)
    conduct.conduct_draw(exchange_id, even_if_mail_unproven=True)
    reveal.reveal(people[0])
    page = exchange_page(exchange_id)
    assert page.shows_opened
    assert not page.can_undo
    assert page.progress.opened == 1
    assert page.progress.unopened == 5
    repair.withdraw(people[5])
    page = exchange_page(exchange_id)
    assert 0 < page.progress.changed < page.progress.people
    assert not page.shows_opened
    assert not participants_page(exchange_id).shows_opened


def test_after_a_new_draw_for_everybody_nothing_is_given_away(any_app: Flask) -> None:
    exchange_id = an_exchange()
    participants(exchange_id, 5)
    conduct.conduct_draw(exchange_id, even_if_mail_unproven=True)
    conduct.redraw(exchange_id, even_if_mail_unproven=True)
    assert exchange_page(exchange_id).shows_opened


def test_delivered_letters_count_people_of_this_draw(any_app: Flask) -> None:
    exchange_id = an_exchange()
    people = participants(exchange_id, 4)
    a_letter(exchange_id, people[0], created_at=now() - timedelta(days=1))
    conduct.conduct_draw(exchange_id, even_if_mail_unproven=True)
    assert exchange_page(exchange_id).progress.letters_delivered == 0
    with transaction() as session:
        session.execute(
            update(Letter).where(Letter.state == LetterState.QUEUED).values(state=LetterState.SENT)
        )
    a_letter(exchange_id, people[0])
    assert exchange_page(exchange_id).progress.letters_delivered == 4
    repair.withdraw(people[0])
    progress = exchange_page(exchange_id).progress
    assert (progress.letters_delivered, progress.people) == (3, 3)


def test_the_ledger_pages_and_filters(any_app: Flask) -> None:
    exchange_id = an_exchange()
    ann = a_participant(exchange_id, name="Ann")
    left = a_participant(exchange_id, name="Bob", state=ParticipantState.WITHDRAWN)
    for _each in range(52):
        a_letter(exchange_id, ann)
    a_letter(exchange_id, left, state=LetterState.DEAD)
    a_letter(exchange_id, None, kind=LetterKind.PURGE_WARNING)
    page = letters_page(exchange_id)
    assert (page.total, page.last, len(page.lines)) == (54, 2, 50)
    assert (page.lines[0].to_name, page.lines[0].person_id) == ("Bob", None)
    assert letters_page(exchange_id, number=7).number == 2
    dead = letters_page(exchange_id, state=LetterState.DEAD)
    assert [line.state for line in dead.lines] == [LetterState.DEAD]
    assert letters_page(exchange_id, state=LetterState.FAILED).lines == ()


def test_letters_whose_existence_tells_are_not_in_the_ledger(app: Flask) -> None:
    assert TELLING.isdisjoint(KINDS_SHOWN)
    exchange_id = an_exchange()
    ann = a_participant(exchange_id)
    for kind in LetterKind:
        a_letter(exchange_id, ann, kind=kind)
    assert {line.kind for line in letters_page(exchange_id).lines} == set(KINDS_SHOWN)


def test_rules_know_both_directions_and_homes(any_app: Flask) -> None:
    exchange_id = an_exchange()
    ann, bob, cem = (a_participant(exchange_id, name=name) for name in ("Ann", "bob", "Cem"))
    exclusions.exclude(exchange_id, ann, bob, is_mutual=True)
    exclusions.exclude(exchange_id, ann, cem, is_mutual=False)
    households.assign(bob, "Attic")
    households.assign(cem, "Attic")
    page = rules_page(exchange_id)
    assert page.is_small
    told = {
        person.name: [(other.name, other.is_mutual) for other in person.excluded] for person in page.people
    }
    assert told == {"Ann": [("bob", True), ("Cem", False)], "bob": [("Ann", True)], "Cem": []}
    (home,) = page.together
    assert (home.name, [person.name for person in home.members]) == ("Attic", ["bob", "Cem"])


def test_rules_of_many_are_searched_and_paged(any_app: Flask) -> None:
    exchange_id = an_exchange()
    people = participants(exchange_id, 35)
    households.assign(people[0], "Attic")
    page = rules_page(exchange_id, number=9)
    assert (page.is_small, page.number, page.last, len(page.people)) == (False, 2, 2, 5)
    found = rules_page(exchange_id, search="attic")
    assert (len(found.people), found.last) == (1, 1)


def test_the_timeline_marks_what_is_next(any_app: Flask) -> None:
    exchange_id = an_exchange(reminder_days=[7, 1])
    participants(exchange_id, 3)
    conduct.conduct_draw(exchange_id, even_if_mail_unproven=True)
    lines = [(entry.what, entry.standing) for entry in exchange_page(exchange_id).timeline]
    assert lines == [
        (Happening.DRAWN, Standing.DONE),
        (Happening.REMINDER, Standing.NEXT),
        (Happening.REMINDER, Standing.PLANNED),
        (Happening.THE_DAY, Standing.PLANNED),
        (Happening.ERASED, Standing.PLANNED),
    ]


def test_before_the_draw_reminders_are_a_forecast_across_a_change_of_clocks(app: Flask) -> None:
    exchange_id = an_exchange(
        event_local=datetime(2030, 11, 5, 18),  # noqa: DTZ001
        zone="America/New_York",
        reminder_days=[7],
    )
    (row,) = reminders_page(exchange_id).rows
    assert row.due_at == datetime(2030, 10, 29, 22, tzinfo=UTC)
    change(exchange_id, has_reminders=False)
    assert reminders_page(exchange_id).rows == ()


def test_many_people_are_typed_and_not_ticked(app: Flask) -> None:
    exchange_id = an_exchange()
    participants(exchange_id, PEOPLE_TO_TICK)
    a_participant(exchange_id, state=ParticipantState.PENDING)
    page = repair_page(exchange_id)
    assert page.is_small
    assert len(page.people) == PEOPLE_TO_TICK
    a_participant(exchange_id)
    assert not repair_page(exchange_id).is_small


def test_settings_start_from_what_was_typed(any_app: Flask) -> None:
    organizer_id = an_organizer()
    exchange_id = an_exchange(organizer_id, name="Xmas", reminder_days=[5])
    assert not settings_page(exchange_id).fields.takes_part
    a_participant(exchange_id, organizer_id=organizer_id)
    fields = settings_page(exchange_id).fields
    assert fields.takes_part
    assert (fields.name, list(fields.reminder_days), fields.event_local.hour) == ("Xmas", [5], 18)
