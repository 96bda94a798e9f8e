"""Seals who gives to whom, unseals it, and finds the giver of a recipient; nothing else can."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.orm import Session

from sneaky.core.clock import now
from sneaky.core.crypto import Keyring, keyring, sealed_otherwise
from sneaky.core.db import db, transaction
from sneaky.core.tokens import new_public_id
from sneaky.models import Draw, DrawState, Match, Participant

_AT_ONCE = 500  # parameters of one statement stay far below every database's limit


@dataclass(frozen=True)
class MatchFacts:
    """What is known about a match without opening it: never the recipient."""

    match_id: str
    draw_id: int
    revealed_at: datetime | None
    changed_at: datetime | None
    acknowledged_at: datetime | None
    has_gift_at: datetime | None
    sent_at: datetime | None
    is_taken_over: bool

    @property
    def needs_acknowledgement(self) -> bool:
        """Whether an earlier name no longer counts and the giver has not confirmed having read so."""
        return self.changed_at is not None and self.acknowledged_at is None


def store(
    draw_id: int, pairs: Mapping[int, int], rng: random.Random, *, changed_at: datetime | None = None
) -> None:
    """Seal the matches giver → recipient of a new draw, in an order that tells nothing.

    With `changed_at` they take the place of an earlier draw's and have to be acknowledged.
    Raises ValueError where somebody would give to themselves or two givers share a recipient.
    """
    with transaction() as session:
        _insert(session, draw_id, pairs, rng, changed_at=changed_at)


def replace(
    draw_id: int,
    changed: Mapping[int, int],
    rng: random.Random,
    *,
    gone: Collection[int] = (),
    newcomers: Collection[int] = (),
) -> None:
    """Put new matches in the place of those of the givers in `changed`, and take out those of `gone`.

    A new match has a new id, so what hung on the old one goes with it. Givers in `newcomers` had no match
    before; the others are marked as changed and have to acknowledge it: to the hour, since a moment could be
    matched with the one at which somebody left or joined. A stand-in stays one.
    """
    with transaction() as session:
        helpers = stand_ins(draw_id)
        for chunk in _chunks([*changed, *gone]):
            session.execute(delete(Match).where(Match.draw_id == draw_id, Match.giver_id.in_(chunk)))
        fresh = {giver: changed[giver] for giver in newcomers}
        others = {giver: recipient for giver, recipient in changed.items() if giver not in fresh}
        _insert(session, draw_id, fresh, rng, changed_at=None)
        hour = now().replace(minute=0, second=0, microsecond=0)
        _insert(session, draw_id, others, rng, changed_at=hour)
        for giver in helpers.keys() & others.keys():
            set_stand_in(draw_id, giver, helpers[giver])


def forget_recipient(participant_id: int) -> None:
    """Take out the match in which this participant receives, before their row goes.

    The database may give the same id to somebody else later, whom nobody's sealed match may mean.
    """
    with transaction() as session:
        session.execute(delete(Match).where(Match.id == match_to(participant_id)))


def recipient_of(participant_id: int) -> int | None:
    """Whom this participant gives to in the current draw; None without a match, or if a stand-in gives."""
    match = db.session.scalar(_current_match(participant_id))
    if match is None or match.stand_in_id is not None:
        return None
    return _unseal(match.draw_id, participant_id, match.recipient_sealed)


def second_matches(participant_id: int) -> dict[str, int]:
    """In which matches of the current draw this participant gives in the place of others: id → recipient."""
    rows = db.session.execute(
        select(Match.id, Match.draw_id, Match.giver_id, Match.recipient_sealed)
        .join(Draw, Draw.id == Match.draw_id)
        .where(Match.stand_in_id == participant_id, Draw.state == DrawState.CURRENT)
        .order_by(Match.id)
    )
    return {row.id: _unseal(row.draw_id, row.giver_id, row.recipient_sealed) for row in rows}


def stand_ins(draw_id: int) -> dict[int, int]:
    """Who gives in whose place in a draw: giver → stand-in."""
    rows = db.session.execute(
        select(Match.giver_id, Match.stand_in_id).where(
            Match.draw_id == draw_id, Match.stand_in_id.is_not(None)
        )
    )
    return {row.giver_id: row.stand_in_id for row in rows}


def set_stand_in(draw_id: int, giver_id: int, stand_in_id: int | None) -> None:
    """Let somebody give in the place of this giver; None: the giver gives after all."""
    with transaction() as session:
        session.execute(
            update(Match)
            .where(Match.draw_id == draw_id, Match.giver_id == giver_id)
            .values(stand_in_id=stand_in_id)
        )


def giver_of(participant_id: int) -> int | None:
    """Who gives to this participant in the current draw, for notices and never for a page."""
    return givers_of([participant_id]).get(participant_id)


def givers_of(participant_ids: Collection[int]) -> dict[int, int]:
    """Who gives (perhaps as a stand-in) to each of these participants in their current draws."""
    found: dict[int, int] = {}
    for chunk in _chunks(participant_ids):
        draws = db.session.execute(
            select(Participant.id, Draw.id)
            .join(Draw, (Draw.exchange_id == Participant.exchange_id) & (Draw.state == DrawState.CURRENT))
            .where(Participant.id.in_(chunk))
        ).all()
        recipient_by_tag = {
            tag: recipient for recipient, draw_id in draws for tag in _tags(draw_id, recipient)
        }
        rows = db.session.execute(
            select(Match.recipient_tag, func.coalesce(Match.stand_in_id, Match.giver_id)).where(
                Match.draw_id.in_({draw_id for _, draw_id in draws}),
                Match.recipient_tag.in_(recipient_by_tag),
            )
        )
        found |= {recipient_by_tag[tag]: giver for tag, giver in rows}
    return found


def match_of_giver(participant_id: int) -> MatchFacts | None:
    """The facts about the match in which this participant gives; None without one."""
    match = db.session.scalar(_current_match(participant_id))
    if match is None:
        return None
    return MatchFacts(
        match.id,
        match.draw_id,
        match.revealed_at,
        match.changed_at,
        match.acknowledged_at,
        match.has_gift_at,
        match.sent_at,
        is_taken_over=match.stand_in_id is not None,
    )


def match_to(participant_id: int) -> str | None:
    """The id of the match in which this participant receives; None without one."""
    draw_id = db.session.scalar(
        select(Draw.id)
        .join(Participant, Participant.exchange_id == Draw.exchange_id)
        .where(Participant.id == participant_id, Draw.state == DrawState.CURRENT)
    )
    if draw_id is None:
        return None
    return db.session.scalar(
        select(Match.id).where(
            Match.draw_id == draw_id, Match.recipient_tag.in_(_tags(draw_id, participant_id))
        )
    )


def both_sides(match_id: str) -> tuple[int, int]:
    """Giver (perhaps a stand-in) and recipient of one match, to address a notice to the right one."""
    row = db.session.execute(
        select(Match.draw_id, Match.giver_id, Match.recipient_sealed, Match.stand_in_id).where(
            Match.id == match_id
        )
    ).one()
    recipient_id = _unseal(row.draw_id, row.giver_id, row.recipient_sealed)
    return row.stand_in_id or row.giver_id, recipient_id


def pairs(draw_id: int) -> dict[int, int]:
    """All matches giver → recipient of a draw, for drawing and mending only."""
    rows = db.session.execute(
        select(Match.draw_id, Match.giver_id, Match.recipient_sealed).where(Match.draw_id == draw_id)
    )
    return {row.giver_id: _unseal(*row) for row in rows}


def reseal(after: str, number: int) -> str | None:
    """Seal anew at most `number` matches past the id `after` that an older key has sealed.

    Returns the id of the last of them; None where there is none.
    """
    ring = keyring()
    with transaction() as session:
        rows = session.execute(
            sealed_otherwise(
                Match.id, Match.recipient_sealed, Match.draw_id, Match.giver_id, after=after, number=number
            )
        ).all()
        for row in rows:
            recipient = _unseal(row.draw_id, row.giver_id, row.recipient_sealed)
            fresh = _sealed(ring, row.draw_id, row.giver_id, recipient)
            session.execute(update(Match).where(Match.id == row.id).values(**fresh))
    return rows[-1].id if rows else None


def _current_match(giver_id: int) -> Select[Match]:
    return (
        select(Match)
        .join(Draw, Draw.id == Match.draw_id)
        .where(Match.giver_id == giver_id, Draw.state == DrawState.CURRENT)
        .execution_options(populate_existing=True)
    )


def _insert(
    session: Session,
    draw_id: int,
    recipient_of: Mapping[int, int],
    rng: random.Random,
    *,
    changed_at: datetime | None,
) -> None:
    if any(giver == recipient for giver, recipient in recipient_of.items()):
        raise ValueError("somebody would give to themselves")
    if len(set(recipient_of.values())) != len(recipient_of):
        raise ValueError("two givers share a recipient")
    ring = keyring()
    rows = [
        {
            "id": new_public_id(),
            "draw_id": draw_id,
            "giver_id": giver,
            "changed_at": changed_at,
            **_sealed(ring, draw_id, giver, recipient),
        }
        for giver, recipient in recipient_of.items()
    ]
    rng.shuffle(rows)
    if rows:
        session.execute(insert(Match), rows)


def _sealed(ring: Keyring, draw_id: int, giver_id: int, recipient_id: int) -> dict[str, bytes]:
    return {
        "recipient_sealed": ring.seal(_padded(recipient_id), context=_context(draw_id, giver_id)),
        "recipient_tag": _tag(ring, draw_id, recipient_id),
    }


def _padded(recipient_id: int) -> str:
    """Ids of equal length, so that the length of the sealed value does not tell small from large ones."""
    return f"{recipient_id:020d}"


def _context(draw_id: int, giver_id: int) -> str:
    return f"match:{draw_id}:{giver_id}"


def _unseal(draw_id: int, giver_id: int, sealed: bytes) -> int:
    return int(keyring().unseal(sealed, context=_context(draw_id, giver_id)))


def _tag(ring: Keyring, draw_id: int, recipient_id: int) -> bytes:
    return ring.tag("match", str(draw_id), str(recipient_id))


def _tags(draw_id: int, recipient_id: int) -> list[bytes]:
    """The tag under the current key and under each older one, since a key may be changed after a draw."""
    ring = keyring()
    return [_tag(one, draw_id, recipient_id) for one in ring.each()]


def _chunks(ids: Iterable[int]) -> list[list[int]]:
    ids = list(ids)
    return [ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE)]
