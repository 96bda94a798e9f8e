"""Sealed matches: only this room opens them, and what is stored tells nothing."""

from __future__ import annotations

import random

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from sneaky.core.clock import now
from sneaky.core.crypto import KEYRING, CannotUnseal, Keyring
from sneaky.core.db import db, transaction
from sneaky.matches import seals
from sneaky.models import Draw, DrawState, Match
from tests import factories


def a_draw(exchange_id: int) -> int:
    with transaction() as session:
        draw = Draw(
            exchange_id=exchange_id, method="rejection", attempts=1, participant_count=3, drawn_at=now()
        )
        session.add(draw)
        session.flush()
        return draw.id


def drawn(number: int = 4) -> tuple[int, list[int]]:
    """A draw in which everybody gives to the next."""
    exchange_id = factories.an_exchange()
    people = factories.participants(exchange_id, number)
    draw_id = a_draw(exchange_id)
    seals.store(draw_id, round_of(people), random.Random(1))
    return draw_id, people


def round_of(people: list[int]) -> dict[int, int]:
    return dict(zip(people, [*people[1:], people[0]], strict=True))


def test_what_is_sealed_comes_back(any_app: Flask) -> None:
    draw_id, people = drawn()
    assert seals.pairs(draw_id) == round_of(people)
    for giver, recipient in round_of(people).items():
        assert seals.recipient_of(giver) == recipient
        assert seals.giver_of(recipient) == giver
        facts = seals.match_of_giver(giver)
        assert facts is not None
        assert seals.match_to(recipient) == facts.match_id
        assert seals.both_sides(facts.match_id) == (giver, recipient)
        assert not facts.needs_acknowledgement
    assert seals.givers_of(people) == {recipient: giver for giver, recipient in round_of(people).items()}


def test_givers_are_found_across_exchanges_and_many_at_once(app: Flask) -> None:
    _one, people = drawn(600)
    _other, others = drawn(3)
    found = seals.givers_of([*people, *others])
    assert len(found) == 603
    assert found[others[1]] == others[0]


def test_who_is_in_no_draw_has_no_match(app: Flask) -> None:
    (stranger,) = factories.participants(factories.an_exchange(), 1)
    assert seals.recipient_of(stranger) is None
    assert seals.giver_of(stranger) is None
    assert seals.match_of_giver(stranger) is None
    assert seals.match_to(stranger) is None
    assert seals.givers_of([]) == {}


def test_only_the_current_draw_counts(app: Flask) -> None:
    draw_id, people = drawn()
    with transaction() as session:
        session.get_one(Draw, draw_id).state = DrawState.REPLACED
    assert seals.recipient_of(people[0]) is None
    assert seals.giver_of(people[0]) is None
    assert seals.match_to(people[0]) is None


def test_nobody_gives_to_themselves_and_no_two_share_a_recipient(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    ann, bob, cid = factories.participants(exchange_id, 3)
    draw_id = a_draw(exchange_id)
    with pytest.raises(ValueError, match="to themselves"):
        seals.store(draw_id, {ann: ann, bob: cid}, random.Random(1))
    with pytest.raises(ValueError, match="share a recipient"):
        seals.store(draw_id, {ann: cid, bob: cid}, random.Random(1))
    seals.store(draw_id, {ann: cid}, random.Random(1))
    with pytest.raises(IntegrityError):
        seals.store(draw_id, {bob: cid}, random.Random(1))
    with pytest.raises(IntegrityError):
        seals.store(draw_id, {ann: bob}, random.Random(1))


def test_stored_bytes_have_one_length_and_never_repeat(app: Flask) -> None:
    drawn(12)
    rows = db.session.execute(select(Match.recipient_sealed, Match.recipient_tag)).all()
    assert len({len(row.recipient_sealed) for row in rows}) == 1
    assert len({row.recipient_sealed for row in rows} | {row.recipient_tag for row in rows}) == 24


def test_rows_stand_in_random_order(app: Flask) -> None:
    _draw_id, people = drawn(30)
    stored = list(db.session.scalars(select(Match.giver_id).order_by(Match.id)))
    assert stored != sorted(people)
    place = "rowid" if db.engine.dialect.name == "sqlite" else "ctid"
    in_file = db.session.scalars(select(Match.giver_id).order_by(text(place)))
    assert list(in_file) != sorted(people)


def test_a_seal_moved_to_another_row_does_not_open(app: Flask) -> None:
    draw_id, people = drawn()
    one, other = db.session.scalars(select(Match).where(Match.giver_id.in_(people[:2]))).all()
    with transaction() as session:
        session.get_one(Match, one.id).recipient_sealed = other.recipient_sealed
    with pytest.raises(CannotUnseal):
        seals.pairs(draw_id)


def test_older_keys_still_open_and_recognise(app: Flask) -> None:
    draw_id, people = drawn()
    old = app.extensions[KEYRING]
    app.extensions[KEYRING] = Keyring(b"n" * 32, (old.current,))
    assert seals.pairs(draw_id) == round_of(people)
    assert seals.giver_of(people[1]) == people[0]
    assert seals.match_to(people[1]) is not None
    app.extensions[KEYRING] = Keyring(b"n" * 32)
    with pytest.raises(CannotUnseal):
        seals.recipient_of(people[0])
    assert seals.giver_of(people[1]) is None


def test_replacing_marks_the_changed_and_greets_the_new(any_app: Flask) -> None:
    draw_id, people = drawn(5)
    leaver, giver, after = people[2], people[1], people[3]
    newcomer = factories.a_participant(db.session.get_one(Draw, draw_id).exchange_id)
    before = seals.match_of_giver(giver)
    seals.replace(
        draw_id, {giver: newcomer, newcomer: after}, random.Random(1), gone=[leaver], newcomers=[newcomer]
    )
    changed, fresh, same = (seals.match_of_giver(one) for one in (giver, newcomer, people[0]))
    assert before is not None
    assert changed is not None
    assert fresh is not None
    assert same is not None
    assert changed.match_id != before.match_id
    assert (changed.needs_acknowledgement, fresh.needs_acknowledgement) == (True, False)
    assert not same.needs_acknowledgement
    assert changed.changed_at is not None
    assert (changed.changed_at.minute, changed.changed_at.second) == (0, 0)
    assert seals.match_of_giver(leaver) is None
    assert seals.recipient_of(newcomer) == after


def test_stand_in_gives_in_the_place_of_another(app: Flask) -> None:
    draw_id, people = drawn(5)
    no_show, recipient, helper = people[0], people[1], people[3]
    seals.set_stand_in(draw_id, no_show, helper)
    assert seals.stand_ins(draw_id) == {no_show: helper}
    assert seals.recipient_of(no_show) is None
    ((match_id, second),) = seals.second_matches(helper).items()
    assert (second, seals.both_sides(match_id)) == (recipient, (helper, recipient))
    assert seals.giver_of(recipient) == helper
    seals.replace(draw_id, {no_show: recipient}, random.Random(1))
    assert seals.stand_ins(draw_id) == {no_show: helper}
    seals.set_stand_in(draw_id, no_show, None)
    assert seals.recipient_of(no_show) == recipient


@given(number=st.integers(0, 10**19))
def test_ids_of_any_size_are_sealed_alike(number: int) -> None:
    assert len(seals._padded(number)) == 20
    assert int(seals._padded(number)) == number
