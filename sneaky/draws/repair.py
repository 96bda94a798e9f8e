"""Mends a draw afterwards: people leave, join, get another recipient, or are stood in for; the rest stays."""

from __future__ import annotations

import random
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from secrets import SystemRandom

from sqlalchemy import select
from sqlalchemy.orm import Session

from sneaky import conversations
from sneaky.access import addresses, audit
from sneaky.core.clock import now
from sneaky.core.db import db, transaction
from sneaky.core.errors import NotFound, RuleBroken, words
from sneaky.core.tokens import new_public_id
from sneaky.core.typed import line
from sneaky.draws import earlier, mending
from sneaky.draws.explain import DrawNotFound, NoValidDraw
from sneaky.draws.rulebook import Pair, Rules, forbidden_pairs
from sneaky.draws.seen import refuse_changed
from sneaky.exchanges import households, personal_data, seats
from sneaky.exchanges.rows import held_exchange, refuse_once_over
from sneaky.matches import seals
from sneaky.models import (
    Draw,
    DrawState,
    Exchange,
    ExchangeState,
    LetterKind,
    Match,
    Participant,
    ParticipantState,
)
from sneaky.models.columns import NAME_LENGTH
from sneaky.outbox import queue

FEWEST_VOLUNTEERS = 2


@dataclass(frozen=True)
class Newcomer:
    """Somebody to add after the draw; with `is_guarded` the address is a guardian's."""

    name: str
    email: str
    is_guarded: bool = False
    household: str | None = None


@dataclass(frozen=True)
class Repair:
    """Everything to mend in one go: who leaves, who joins, who shall get another recipient (ids)."""

    leaving: tuple[int, ...] = ()
    joining: tuple[Newcomer, ...] = ()
    swapping: tuple[int, ...] = ()


@dataclass(frozen=True)
class RepairSummary:
    """What a repair did, without names: `changed` of `total` people got a new recipient."""

    changed: int
    total: int


class _TakenBack(Exception):
    """Ends a preview."""


def preview(exchange_id: int, repair: Repair, *, rng: random.Random | None = None) -> int:
    """How many people take part after such an `apply`; it is done and taken back, so both refuse the same.

    How many would get a new recipient is not told: where two leave it is one fewer if one of them gives to
    the other, so whoever asked about each two would know the draw. Raises as `apply` does.
    """
    total = 0
    with suppress(_TakenBack), transaction():
        total = apply(exchange_id, repair, rng=rng).total
        raise _TakenBack
    return total


def apply(
    exchange_id: int, repair: Repair, *, rng: random.Random | None = None, seen: str | None = None
) -> RepairSummary:
    """Mend the draw with as few new recipients as the rules allow, those who opened theirs last.

    One transaction: matches, a letter to each newcomer and each whose recipient changed, conversations.
    Raises `RuleBroken` where nothing is drawn, where the draw has changed since its state was `seen`, for bad
    input (fields `name`, `email`, `household`), or where no mending keeps the rules, and `NotFound` for
    strangers.
    """
    rng = rng or SystemRandom()
    with transaction() as session:
        exchange, draw = _drawn(session, exchange_id)
        refuse_changed(exchange_id, seen)
        current = seals.pairs(draw.id)
        if not set(repair.leaving) | set(repair.swapping) <= current.keys():
            raise NotFound
        newcomers = [_seat(session, exchange_id, newcomer) for newcomer in repair.joining]
        found = _mended(current, repair, newcomers, forbidden_pairs(exchange_id), draw.id, rng)
        earlier.forget(exchange, draw.drawn_at)
        earlier.remember(exchange, found.recipient_of, draw.drawn_at, rng)
        _rewrite(session, draw, found, repair.leaving, rng)
        _write_letters(exchange_id, draw.id, found)
        audit.note(
            "draw.mended",
            organizer_id=exchange.organizer_id,
            exchange_id=exchange_id,
            left=len(repair.leaving),
            joined=len(newcomers),
            changed=len(found.changed_givers),
        )
        return RepairSummary(len(found.changed_givers), len(found.recipient_of))


def withdraw(participant_id: int, *, is_erased: bool = False) -> None:
    """Somebody leaves after the draw, and with `is_erased` is forgotten. Raises as `apply` does."""
    with transaction() as session:
        participant = session.get(Participant, participant_id)
        if participant is None:
            raise NotFound
        apply(participant.exchange_id, Repair(leaving=(participant_id,)))
        if is_erased:
            personal_data.delete_row(session, participant.exchange_id, participant_id)


def rescue(
    exchange_id: int, no_show_id: int, willing: Collection[int], *, rng: random.Random | None = None
) -> None:
    """Let one of the willing give a second gift in the place of somebody who does not show up.

    Who of them is a matter of chance among those who may, and the organizer does not learn it: with a single
    volunteer, or an answer, the recipient could be told. Gifts that the absent one had taken over go on as
    well; a stand-in who is among the willing again stays. Raises `RuleBroken` where none may.
    """
    rng = rng or SystemRandom()
    with transaction() as session:
        _exchange, draw = _drawn(session, exchange_id)
        current, instead = seals.pairs(draw.id), seals.stand_ins(draw.id)
        if not {*willing, no_show_id} <= current.keys():
            raise NotFound
        able = set(willing) - {no_show_id} - instead.keys()
        rules = forbidden_pairs(exchange_id)
        _refuse_telling(rules, no_show_id, able)
        stranded = [no_show_id, *(giver for giver, helper in instead.items() if helper == no_show_id)]
        helpers = {
            giver: mending.rescue(current, no_show=giver, willing=able, forbidden=rules.forbidden, rng=rng)
            for giver in stranded
            if instead.get(giver) not in able
        }
        seals.replace(draw.id, {giver: current[giver] for giver in helpers}, rng)
        for giver, helper in helpers.items():
            seals.set_stand_in(draw.id, giver, helper)
        conversations.open_for(draw.id, rng)
        for helper in set(helpers.values()):
            email = session.get_one(Participant, helper).email
            queue.put(LetterKind.SECOND_GIFT, email, exchange_id=exchange_id, participant_id=helper)
        audit.note("draw.rescued", exchange_id=exchange_id, participant=no_show_id)


def _refuse_telling(rules: Rules, no_show_id: int, able: Collection[int]) -> None:
    """Refuse volunteers with whom it would show who the gift is for, whoever it is for."""
    if len(able) < FEWEST_VOLUNTEERS:
        raise RuleBroken("Name at least two volunteers; with one, it would show who the gift is for.")
    if mending.would_tell(rules.people, no_show=no_show_id, willing=able, forbidden=rules.declared):
        raise RuleBroken(
            "None of these volunteers may give to some of the others, so the answer could show who the gift "
            "is for. Name more of them, from different households."
        )


def _drawn(session: Session, exchange_id: int) -> tuple[Exchange, Draw]:
    exchange = held_exchange(session, exchange_id)
    refuse_once_over(exchange)
    if exchange.state is not ExchangeState.MATCHED:
        raise RuleBroken("Nothing is drawn yet; simply change the list of people instead.")
    draw = session.scalars(
        select(Draw).where(Draw.exchange_id == exchange_id, Draw.state == DrawState.CURRENT)
    )
    return exchange, draw.one()


def _seat(session: Session, exchange_id: int, newcomer: Newcomer) -> int:
    name = line(newcomer.name, field="name", called=words("The name"), longest=NAME_LENGTH)
    email = addresses.normalise(newcomer.email)
    known = seats.known(session, exchange_id, name, email, is_guarded=newcomer.is_guarded)
    if known is not None and known.state is ParticipantState.ACTIVE:
        raise RuleBroken("%(name)s takes part with this address already.", name=known.name, field="email")
    participant = seats.seated(
        session, exchange_id, name, email, ParticipantState.ACTIVE, is_guarded=newcomer.is_guarded
    )
    if newcomer.household is not None:
        participant.household_id = households.find_or_make(session, exchange_id, newcomer.household)
    session.flush()
    return participant.id


def _mended(
    current: dict[int, int],
    repair: Repair,
    newcomers: list[int],
    rules: Rules,
    draw_id: int,
    rng: random.Random,
) -> mending.Mending[int]:
    drawn = frozenset(current.items())  # what has become an earlier match since is drawn all the same
    swapped = {(giver, current[giver]) for giver in repair.swapping}
    forbidden = rules.declared | (rules.forbidden - drawn) | swapped
    stand_ins = seals.stand_ins(draw_id)
    try:
        found = mending.plan(
            current,
            leaving=repair.leaving,
            joining=newcomers,
            forbidden=forbidden | _through_stand_ins(rules, stand_ins),
            opened=_opened(draw_id),
            rng=rng,
            options=rules.options,
        )
    except (NoValidDraw, DrawNotFound):
        raise RuleBroken(
            "There is no way to mend this draw that keeps all rules. Draw again for everybody, or cancel."
        ) from None
    give_again = {giver for giver, stand_in in stand_ins.items() if stand_in in repair.leaving}
    changed = found.changed_givers | (give_again & found.recipient_of.keys())
    return replace(found, changed_givers=changed)


def _through_stand_ins(rules: Rules, stand_ins: dict[int, int]) -> set[Pair]:
    """Whom a giver may not get because it is the stand-in who would give to them."""
    barred = set(stand_ins.items())
    for giver, recipient in rules.forbidden:
        barred |= {(absent, recipient) for absent, stand_in in stand_ins.items() if stand_in == giver}
    return barred


def _opened(draw_id: int) -> list[int]:
    rows = db.session.scalars(
        select(Match.giver_id).where(Match.draw_id == draw_id, Match.revealed_at.is_not(None))
    )
    return list(rows)


def _rewrite(
    session: Session, draw: Draw, found: mending.Mending[int], leaving: Collection[int], rng: random.Random
) -> None:
    """Put the new matches in the place of the old ones; who leaves is withdrawn, and stands in for nobody."""
    for giver, stand_in in seals.stand_ins(draw.id).items():
        if stand_in in leaving:
            seals.set_stand_in(draw.id, giver, None)
    changed = {giver: found.recipient_of[giver] for giver in found.changed_givers | found.newcomers}
    seals.replace(draw.id, changed, rng, gone=leaving, newcomers=found.newcomers)
    hour = now().replace(minute=0, second=0, microsecond=0)
    for person in leaving:
        seats.unseat(session.get_one(Participant, person), hour)
    draw.participant_count = len(found.recipient_of)
    session.flush()
    conversations.open_for(draw.id, rng)


def _write_letters(exchange_id: int, draw_id: int, found: mending.Mending[int]) -> None:
    instead = seals.stand_ins(draw_id)
    told = {instead.get(giver, giver) for giver in found.changed_givers}
    for kind, people in ((LetterKind.RECIPIENT_CHANGED, told), (LetterKind.MATCH, found.newcomers)):
        queue.put_for_participants(
            kind, exchange_id, only=[Participant.id.in_(people)], dedupe_prefix=f"mended:{new_public_id()}"
        )
