"""Participants are added, mended and withdrawn, each with what to do instead where that is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, select, update

from sneaky.core.crypto import CannotUnseal
from sneaky.core.db import db, transaction
from sneaky.core.errors import NotFound, RuleBroken
from sneaky.exchanges import households, lifecycle, participants, seats
from sneaky.models import (
    ExchangeState,
    Letter,
    LetterKind,
    LetterState,
    MagicToken,
    Participant,
    ParticipantState,
    SessionRow,
    TokenPurpose,
)
from sneaky.outbox import links, queue
from tests import factories


def person(participant_id: int) -> Participant:
    db.session.rollback()
    return db.session.get_one(Participant, participant_id)


def letters_to(email: str) -> list[LetterKind]:
    waiting = select(Letter.kind).where(Letter.to_email == email, Letter.state == LetterState.QUEUED)
    return list(db.session.scalars(waiting))


class TestAdding:
    def test_somebody_takes_part_at_once(self, any_app: Flask) -> None:
        exchange_id = factories.an_exchange()
        ann = person(participants.add(exchange_id, " Ann ", "Ann@Example.org", household="Miller"))
        assert (ann.name, ann.email, ann.state) == ("Ann", "ann@example.org", ParticipantState.ACTIVE)
        assert [home.name for home in households.listed(exchange_id)] == ["Miller"]

    @pytest.mark.parametrize(
        ("name", "email", "household", "field"),
        [
            ("", "ann@example.org", None, "name"),
            ("x" * 121, "ann@example.org", None, "name"),
            ("Ann", "ann", None, "email"),
            ("Ann", "", None, "email"),
            ("Ann", "a\r\nb@example.org", None, "email"),
            ("Ann", "ann@example.org", "x" * 121, "household"),
        ],
    )
    def test_bad_input(self, app: Flask, name: str, email: str, household: str | None, field: str) -> None:
        exchange_id = factories.an_exchange()
        with pytest.raises(RuleBroken) as broken:
            participants.add(exchange_id, name, email, household=household)
        assert broken.value.field == field
        assert db.session.scalars(select(Participant)).all() == []

    def test_one_address_one_person_but_a_guardian_serves_several(self, app: Flask) -> None:
        exchange_id = factories.an_exchange()
        participants.add(exchange_id, "Pat", "pat@example.org")
        with pytest.raises(RuleBroken, match="Pat takes part with this address already") as broken:
            participants.add(exchange_id, "Kim", "pat@example.org")
        assert broken.value.field == "email"
        for child in ("Kim", "Lou"):
            participants.add(exchange_id, child, "pat@example.org", is_guarded=True)
        assert len(db.session.scalars(select(Participant)).all()) == 3

    @pytest.mark.parametrize("state", [ParticipantState.PENDING, ParticipantState.WITHDRAWN])
    def test_somebody_known_is_brought_back(self, app: Flask, state: ParticipantState) -> None:
        exchange_id = factories.an_exchange()
        ann = factories.a_participant(exchange_id, email="ann@example.org", state=state)
        assert participants.add(exchange_id, "Anna", "ann@example.org") == ann
        assert (person(ann).name, person(ann).state) == ("Anna", ParticipantState.ACTIVE)
        assert person(ann).withdrawn_at is None

    def test_a_child_is_added_once_however_often_it_is_pressed(self, any_app: Flask) -> None:
        exchange_id = factories.an_exchange()
        kim = participants.add(exchange_id, "Kim", "pat@example.org", is_guarded=True)
        with pytest.raises(RuleBroken, match="Kim takes part with this address already") as broken:
            participants.add(exchange_id, "kim", "pat@example.org", is_guarded=True)
        assert broken.value.field == "email"
        participants.withdraw(kim)
        assert participants.add(exchange_id, "Kim", "pat@example.org", is_guarded=True) == kim
        assert person(kim).state is ParticipantState.ACTIVE
        assert db.session.scalars(select(Participant.id)).all() == [kim]

    def test_an_exchange_can_be_full(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(seats, "MOST_PARTICIPANTS", 2)
        exchange_id = factories.an_exchange()
        factories.participants(exchange_id, 2)
        with pytest.raises(RuleBroken, match="second one"):
            participants.add(exchange_id, "Ann", "ann@example.org")


class TestMending:
    def test_rename(self, app: Flask) -> None:
        ann = factories.a_participant(factories.an_exchange(state=ExchangeState.MATCHED))
        participants.rename(ann, "  Anna  Lee ")
        assert person(ann).name == "Anna Lee"
        with pytest.raises(RuleBroken) as broken:
            participants.rename(ann, " ")
        assert broken.value.field == "name"

    def test_changed_address_ends_links_and_sessions_and_redirects_letters(self, app: Flask) -> None:
        exchange_id = factories.an_exchange(state=ExchangeState.MATCHED)
        ann = factories.a_participant(exchange_id, email="old@example.org")
        at = datetime.now(UTC)  # noqa: TID251
        with transaction() as session:
            links.mint(TokenPurpose.MATCH, lifetime=timedelta(days=1), participant_id=ann)
            queue.put(LetterKind.MATCH, "old@example.org", exchange_id=exchange_id, participant_id=ann)
            session.add(
                SessionRow(id="x", participant_id=ann, created_at=at, seen_at=at, expires_at=at, ends_at=at)
            )
        participants.change_email(ann, "NEW@example.org")
        assert person(ann).email == "new@example.org"
        assert db.session.scalars(select(MagicToken.revoked_at)).one() is not None
        assert db.session.scalars(select(SessionRow)).all() == []
        assert letters_to("new@example.org") == [LetterKind.MATCH]

    def test_after_the_draw_a_fresh_match_letter_goes_to_the_new_address(self, app: Flask) -> None:
        exchange_id = factories.an_exchange(state=ExchangeState.MATCHED)
        ann = factories.a_participant(exchange_id)
        participants.change_email(ann, "new@example.org")
        assert letters_to("new@example.org") == [LetterKind.MATCH]

    def test_who_has_not_confirmed_is_asked_anew(self, app: Flask) -> None:
        ann = factories.a_participant(factories.an_exchange(), state=ParticipantState.PENDING)
        participants.change_email(ann, "new@example.org")
        assert letters_to("new@example.org") == [LetterKind.CONFIRM_REGISTRATION]

    @pytest.mark.parametrize("state", [ParticipantState.ACTIVE, ParticipantState.WITHDRAWN])
    def test_before_the_draw_nobody_else_gets_a_letter(self, app: Flask, state: ParticipantState) -> None:
        ann = factories.a_participant(factories.an_exchange(), state=state)
        participants.change_email(ann, "new@example.org")
        assert letters_to("new@example.org") == []

    def test_somebody_elses_address_is_refused_and_the_own_one_changes_nothing(self, app: Flask) -> None:
        exchange_id = factories.an_exchange()
        ann = factories.a_participant(exchange_id, email="ann@example.org")
        factories.a_participant(exchange_id, email="bob@example.org")
        participants.change_email(ann, "ANN@example.org")
        with pytest.raises(RuleBroken) as broken:
            participants.change_email(ann, "bob@example.org")
        assert broken.value.field == "email"
        child = factories.a_participant(exchange_id, email="pat@example.org", is_guarded=True)
        participants.change_email(child, "bob@example.org")
        assert person(child).email == "bob@example.org"


class TestWithdrawing:
    def test_before_the_draw(self, app: Flask) -> None:
        ann = factories.a_participant(factories.an_exchange())
        participants.withdraw(ann)
        assert person(ann).state is ParticipantState.WITHDRAWN
        assert person(ann).withdrawn_at is not None
        with pytest.raises(RuleBroken, match="has withdrawn already"):
            participants.withdraw(ann)

    def test_after_the_draw_it_has_to_be_mended(self, app: Flask) -> None:
        ann = factories.a_participant(factories.an_exchange(state=ExchangeState.MATCHED))
        with pytest.raises(RuleBroken, match="Somebody leaves or joins"):
            participants.withdraw(ann)
        assert person(ann).state is ParticipantState.ACTIVE


class TestPreferences:
    def test_are_kept(self, app: Flask) -> None:
        ann = factories.a_participant(factories.an_exchange())
        participants.set_preferences(
            ann, wants_reminders=False, wants_notices=False, locale="de", zone="Asia/Tokyo"
        )
        found = person(ann)
        assert (found.wants_reminders, found.wants_notices) == (False, False)
        assert (found.locale, found.zone) == ("de", "Asia/Tokyo")

    @pytest.mark.parametrize(
        ("field", "locale", "zone"), [("locale", "xx", None), ("zone", None, "Nowhere/Land")]
    )
    def test_unknown_ones_are_refused(
        self, app: Flask, field: str, locale: str | None, zone: str | None
    ) -> None:
        ann = factories.a_participant(factories.an_exchange())
        with pytest.raises(RuleBroken) as broken:
            participants.set_preferences(
                ann, wants_reminders=True, wants_notices=True, locale=locale, zone=zone
            )
        assert broken.value.field == field


class TestPostalAddress:
    def test_is_sealed_and_taken_out_by_a_blank(self, app: Flask) -> None:
        ann = factories.a_participant(factories.an_exchange())
        assert participants.postal_address(ann) is None
        participants.set_postal_address(ann, " 1 Main Street\r\nTown ")
        assert participants.postal_address(ann) == "1 Main Street\nTown"
        assert b"Main" not in (person(ann).postal_address_sealed or b"")
        participants.set_postal_address(ann, " ")
        assert person(ann).postal_address_sealed is None

    def test_does_not_open_on_another_row(self, app: Flask) -> None:
        exchange_id = factories.an_exchange()
        ann, bob = factories.participants(exchange_id, 2)
        participants.set_postal_address(ann, "1 Main Street")
        sealed = person(ann).postal_address_sealed
        with transaction() as session:
            session.execute(
                update(Participant).where(Participant.id == bob).values(postal_address_sealed=sealed)
            )
        with pytest.raises(CannotUnseal):
            participants.postal_address(bob)

    def test_too_long_is_refused(self, app: Flask) -> None:
        ann = factories.a_participant(factories.an_exchange())
        with pytest.raises(RuleBroken) as broken:
            participants.set_postal_address(ann, "x" * 501)
        assert broken.value.field == "postal_address"


def test_the_first_day_somebody_was_here_is_remembered(app: Flask) -> None:
    ann = factories.a_participant(factories.an_exchange())
    for at in ("2026-12-01T10:42:17+00:00", "2026-12-03T08:00:00+00:00"):
        with time_machine.travel(at, tick=False):
            participants.mark_seen(ann)
    assert person(ann).seen_at == datetime(2026, 12, 1, tzinfo=UTC)
    with pytest.raises(NotFound):
        participants.mark_seen(99)


@pytest.mark.parametrize(
    "act",
    [
        lambda one: participants.rename(one, "Anna"),
        lambda one: participants.change_email(one, "new@example.org"),
        lambda one: participants.set_postal_address(one, "1 Main Street"),
        participants.withdraw,
    ],
)
def test_once_it_is_over_nobody_is_mended(app: Flask, act: Callable[[int], None]) -> None:
    exchange_id = factories.an_exchange()
    ann = factories.a_participant(exchange_id)
    lifecycle.cancel(exchange_id)
    with pytest.raises(RuleBroken, match="over"):
        act(ann)
    with transaction() as session:
        session.execute(delete(Participant))
    with pytest.raises(NotFound):
        act(ann)
