"""Mend a draw when people leave or join: the fewest new recipients, all rules kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Generic

from sneaky.core.errors import RuleBroken
from sneaky.draws.board import Id, board_of, numbered_pairs
from sneaky.draws.damage import Damage, mended
from sneaky.draws.explain import DrawNotFound, NoValidDraw, Verdict, verdict
from sneaky.draws.search import PLAIN, DrawOptions, cheapest_without_flaws
from sneaky.draws.tiers import Method

MOST_TRIES = 200


@dataclass(frozen=True)
class Mending(Generic[Id]):
    """A mended draw: everybody's recipient, and who of those who had one before gets a new one.

    `changed_opened` are the changed givers who had opened their match. Every mending that changes as few
    givers, of them as few who had opened, and has as few soft pairs, was equally likely if
    `method.is_exact`.
    """

    recipient_of: dict[Id, Id]
    changed_givers: frozenset[Id]
    changed_opened: frozenset[Id]
    newcomers: frozenset[Id]
    method: Method
    attempts: int


def plan(
    recipient_of: Mapping[Id, Id],
    *,
    leaving: Collection[Id],
    joining: Collection[Id],
    forbidden: Collection[tuple[Id, Id]],
    opened: Collection[Id],
    rng: Random,
    options: DrawOptions = PLAIN,
) -> Mending[Id]:
    """Plan who gets which recipient once some people have left and others have joined a drawn exchange.

    Changes as few of those who stay as possible, then as few of them in `opened` as possible. A pair that
    has become forbidden is changed too; so to give somebody another recipient, forbid their present pair.
    Everybody joining gets a recipient and a giver.

    Raises NoValidDraw if the rules cannot be kept, DrawNotFound if no mending was found that keeps the
    options, and ValueError if the draw is not one, or people who leave are not in it, or people who join
    are.
    """
    stayed = _stayed(recipient_of, leaving, joining)
    people = rng.sample([*stayed, *joining], len(stayed) + len(joining))
    damage = damage_to(people, recipient_of, forbidden, opened, options)
    assignment = damage.assignment()
    if not assignment.complete():
        raise NoValidDraw(verdict(people, forbidden))
    found = cheapest_without_flaws(assignment, options, most_tries=MOST_TRIES)
    if found.recipient_of is None:
        raise NoValidDraw(Verdict(is_possible=False)) if found.is_proof else DrawNotFound
    repaired, method, attempts = mended(damage, assignment, found.recipient_of, options, rng)
    after = {people[giver]: people[recipient] for giver, recipient in enumerate(repaired)}
    changed = frozenset(giver for giver in stayed if after[giver] != recipient_of[giver])
    return Mending(after, changed, changed.intersection(opened), frozenset(joining), method, attempts)


def damage_to(
    people: Sequence[Id],
    recipient_of: Mapping[Id, Id],
    forbidden: Collection[tuple[Id, Id]],
    opened: Collection[Id],
    options: DrawOptions,
) -> Damage:
    """What the drawn `recipient_of` leaves undone among `people`, who take part from now on."""
    board = board_of(people, forbidden)
    pairs = numbered_pairs(people, recipient_of.items())
    number = {person: index for index, person in enumerate(people)}
    return Damage(
        board=board,
        kept={giver: recipient for giver, recipient in pairs if recipient not in board.barred[giver]},
        opened=frozenset(number[person] for person in opened if person in number),
        soft=frozenset(numbered_pairs(people, options.soft_forbidden)),
    )


def _stayed(recipient_of: Mapping[Id, Id], leaving: Collection[Id], joining: Collection[Id]) -> list[Id]:
    """The people of the draw who stay; raises ValueError where `plan` does."""
    if set(recipient_of.values()) != recipient_of.keys():
        raise ValueError("everybody in a draw gives to one person and gets from one")
    if not recipient_of.keys() >= set(leaving) or not recipient_of.keys().isdisjoint(joining):
        raise ValueError("who leaves must be in the draw, and who joins must not")
    gone = set(leaving)
    return [person for person in recipient_of if person not in gone]


def volunteers_who_may(
    recipient_of: Mapping[Id, Id],
    *,
    no_show: Id,
    willing: Collection[Id],
    forbidden: Collection[tuple[Id, Id]],
) -> frozenset[Id]:
    """Who of the `willing` may take over as giver for somebody who does not show up, as a second gift.

    Not the no-show, not the one who would get the gift, and nobody who may not give to them.
    """
    recipient = recipient_of[no_show]
    barred = {no_show, recipient, *(giver for giver, got in forbidden if got == recipient)}
    return frozenset(willing) - barred


def would_tell(
    people: Collection[Id], *, no_show: Id, willing: Collection[Id], forbidden: Collection[tuple[Id, Id]]
) -> bool:
    """Whether "none of the willing may" could be the answer while more volunteers would help.

    It would tell that the no-show gives to one of few. This depends on the rules alone and never on the draw.
    """
    cannot = {person: {person} for person in people}
    for giver, recipient in forbidden:
        cannot[recipient].add(giver)
    possible = (
        givers for recipient, givers in cannot.items() if recipient != no_show and no_show not in givers
    )
    return any(givers.issuperset(willing) and len(givers) < len(people) - 1 for givers in possible)


def rescue(
    recipient_of: Mapping[Id, Id],
    *,
    no_show: Id,
    willing: Collection[Id],
    forbidden: Collection[tuple[Id, Id]],
    rng: Random,
) -> Id:
    """Choose who takes over as giver for a no-show, each volunteer who may with the same chance.

    Raises RuleBroken if none of the `willing` may.
    """
    able = volunteers_who_may(recipient_of, no_show=no_show, willing=willing, forbidden=forbidden)
    if not able:
        raise RuleBroken("None of the volunteers may give to this person. Ask somebody else.")
    return rng.choice([person for person in dict.fromkeys(willing) if person in able])
