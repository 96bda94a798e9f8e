"""Who gave to whom before: an earlier exchange, and the memory that outlives its erasure as keyed hashes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from sneaky.core.crypto import Keyring, keyring
from sneaky.core.db import db, open_session, rows_written, transaction
from sneaky.core.errors import NotFound
from sneaky.core.settings import settings
from sneaky.matches import seals
from sneaky.models import (
    CompletedReason,
    Draw,
    DrawState,
    Exchange,
    ExchangeState,
    PairMemory,
    Participant,
    ParticipantState,
)

# Long enough for last year's exchange when this year's is drawn early, too short for the one before that.
REMEMBERED = timedelta(days=548)
_HALF = 16  # bytes of each of the two hashes in a tag

Pair = tuple[int, int]


def pairs(exchange: Exchange, at: datetime) -> frozenset[Pair]:
    """The (giver, recipient) pairs among those who take part now that were drawn before.

    Only used inside a draw and its verdict, never stored: as exclusions they would tell last year's secret.
    An exchange counts once it is over: until then, verdicts on its people would tell who gives to whom now.
    """
    people = _people(exchange.id)
    return frozenset(_of_copied(exchange, people)) | frozenset(_of_memory(exchange.organizer_id, people, at))


def remember(
    exchange: Exchange, recipient_of: Mapping[int, int], drawn_at: datetime, rng: random.Random
) -> None:
    """Remember the pairs of a draw, unless the instance opted out, and forget what is too old to count."""
    session = open_session()
    session.execute(
        delete(PairMemory).where(
            PairMemory.organizer_id == exchange.organizer_id, PairMemory.drawn_at < drawn_at - REMEMBERED
        )
    )
    if settings().pair_memory:
        tags = _tags(exchange.id, recipient_of, drawn_at)
        rng.shuffle(tags)
        session.execute(
            insert(PairMemory),
            [{"organizer_id": exchange.organizer_id, "pair_tag": tag, "drawn_at": drawn_at} for tag in tags],
        )


def forget(exchange: Exchange, drawn_at: datetime) -> None:
    """Forget the pairs of a draw that does not count any more, by its instant, which no other one shares.

    Nobody could name them all: keys change, and so do addresses.
    """
    open_session().execute(
        delete(PairMemory).where(
            PairMemory.organizer_id == exchange.organizer_id, PairMemory.drawn_at == drawn_at
        )
    )


def identity(participant_id: int) -> str:
    """What names somebody across exchanges: the address; behind a guardian's the name tells who is who.

    Raises `NotFound`.
    """
    person = db.session.get(Participant, participant_id)
    if person is None:
        raise NotFound
    return _called(person)


def prune(at: datetime, limit: int) -> int:
    """Forget at most `limit` pairs that are too old to count at `at`, whoever's they are; how many."""
    old = select(PairMemory.id).where(PairMemory.drawn_at < at - REMEMBERED).limit(limit)
    with transaction() as session:
        return rows_written(session, delete(PairMemory).where(PairMemory.id.in_(old)))


def _of_copied(exchange: Exchange, people: Mapping[str, int]) -> Iterator[Pair]:
    """The pairs of the exchange that this one was copied from, while that has not been erased."""
    draw_id = db.session.scalar(
        select(Draw.id)
        .join(Exchange, Exchange.id == Draw.exchange_id)
        .where(
            Draw.exchange_id == exchange.copied_from_id,
            Draw.state == DrawState.CURRENT,
            Exchange.state == ExchangeState.COMPLETED,
            Exchange.completed_reason.is_distinct_from(CompletedReason.CANCELLED),
        )
    )
    if draw_id is None or exchange.copied_from_id is None:
        return
    now_known_as = {then: people.get(who) for who, then in _people(exchange.copied_from_id).items()}
    for giver, recipient in seals.pairs(draw_id).items():
        pair = now_known_as.get(giver), now_known_as.get(recipient)
        if pair[0] is not None and pair[1] is not None:
            yield pair[0], pair[1]


def _of_memory(organizer_id: int, people: Mapping[str, int], at: datetime) -> Iterator[Pair]:
    """Recognise remembered pairs: both halves of a tag are hashed apart, so that n people cost 2n hashes."""
    if not settings().pair_memory:
        return
    goes_on = (Exchange.organizer_id == organizer_id) & (Exchange.state == ExchangeState.MATCHED)
    rows = db.session.execute(
        select(PairMemory.drawn_at, PairMemory.pair_tag).where(
            PairMemory.organizer_id == organizer_id,
            PairMemory.drawn_at >= at - REMEMBERED,
            PairMemory.drawn_at.not_in(select(Draw.drawn_at).join(Exchange).where(goes_on)),
        )
    )
    tags_by_draw: dict[datetime, list[bytes]] = {}
    for row in rows:
        tags_by_draw.setdefault(row.drawn_at, []).append(row.pair_tag)
    for key in keyring().each():
        for drawn_at, tags in tags_by_draw.items():
            giver_of = {_half(key, "giver", drawn_at, who): person for who, person in people.items()}
            recipient_of = {_half(key, "recipient", drawn_at, who): person for who, person in people.items()}
            for tag in tags:
                giver, recipient = giver_of.get(tag[:_HALF]), recipient_of.get(tag[_HALF:])
                if giver is not None and recipient is not None:
                    yield giver, recipient


def _people(exchange_id: int) -> dict[str, int]:
    """Those who take part, by what names a person across exchanges."""
    return {who: person for person, who in _identities(db.session(), exchange_id)}


def _identities(session: Session, exchange_id: int) -> Sequence[tuple[int, str]]:
    """Those who take part, each with what names them across exchanges."""
    rows = session.execute(
        select(Participant.id, Participant.email, Participant.is_guarded, Participant.name).where(
            Participant.exchange_id == exchange_id, Participant.state == ParticipantState.ACTIVE
        )
    )
    return [(row.id, _called(row)) for row in rows]


def _called(person: Any) -> str:
    return f"{person.email}\n{person.name.casefold()}" if person.is_guarded else person.email


def _tags(exchange_id: int, recipient_of: Mapping[int, int], drawn_at: datetime) -> list[bytes]:
    """The tags of the pairs: two keyed hashes each, salted with the draw's instant so that years do not link.

    Namesakes behind one guardian's address are the same to us, and so are pairs of them: one tag for all.
    """
    key, who = keyring(), dict(_identities(open_session(), exchange_id))
    tags = (
        _half(key, "giver", drawn_at, who[giver]) + _half(key, "recipient", drawn_at, who[recipient])
        for giver, recipient in recipient_of.items()
        if giver in who and recipient in who
    )
    return list(dict.fromkeys(tags))


def _half(key: Keyring, side: str, drawn_at: datetime, who: str) -> bytes:
    return key.tag(f"pair-{side}", drawn_at.isoformat(), who)[:_HALF]
