"""Tell whether a draw exists, who blocks it, what the smallest change is, and which pairs can be guessed."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic

from sneaky.core.errors import RuleBroken
from sneaky.draws.blocks import blocks
from sneaky.draws.board import Board, Id, board_of, numbered_pairs
from sneaky.draws.leniency import kindest, kindest_without_flaws
from sneaky.draws.perfect import Matching, blocked_reach, largest_matching
from sneaky.draws.search import PLAIN, DrawOptions, find

FEW_CHOICES = 2
MOST_STARTS = 16
MOST_TRIES = 100


@dataclass(frozen=True)
class Verdict(Generic[Id]):
    """What can be said about a set of rules before a draw.

    Possible: `forced_pairs` are in every valid draw; `thin_choices` gives, for each giver whom valid draws
    give one of just two recipients, these two. `soft_pairs_needed` tells how many of the pairs to avoid
    cannot be avoided. `is_certain` is False if an option made the question too hard: the rules can be kept,
    but whether the option can be kept with them is not known.

    Impossible: `blocking_givers` may only give to `allowed_recipients`, who are fewer. The same read from
    the other side: `blocking_recipients` may only get from `allowed_givers`. `smallest_change` is a smallest
    set of pairs that makes a draw possible once they are allowed. All are empty if just an option stands in
    the way; there is no change that helps a single person.
    """

    is_possible: bool
    forced_pairs: frozenset[tuple[Id, Id]] = frozenset()
    thin_choices: Mapping[Id, frozenset[Id]] = field(default_factory=dict)
    blocking_givers: frozenset[Id] = frozenset()
    allowed_recipients: frozenset[Id] = frozenset()
    smallest_change: frozenset[tuple[Id, Id]] = frozenset()
    blocking_recipients: frozenset[Id] = frozenset()
    allowed_givers: frozenset[Id] = frozenset()
    soft_pairs_needed: int = 0
    is_certain: bool = True

    @property
    def is_shorter_from_recipients(self) -> bool:
        """Whether "may only get from" names fewer people than "may only give to"."""
        from_givers = len(self.blocking_givers) + len(self.allowed_recipients)
        return len(self.blocking_recipients) + len(self.allowed_givers) < from_givers


class NoValidDraw(RuleBroken):
    """No draw can keep all of these rules."""

    def __init__(self, verdict: Verdict[Any]) -> None:
        """Carry the verdict that explains it."""
        super().__init__()
        self.verdict = verdict


class DrawNotFound(RuleBroken):
    """No draw was found that keeps all of these rules and options, though there may be one."""


@dataclass(frozen=True)
class HouseholdBlock:
    """A blocking group that lives together: the whole household or a part of it."""

    household: Hashable
    is_whole: bool


def verdict(
    people: Sequence[Id], forbidden: Collection[tuple[Id, Id]], *, options: DrawOptions = PLAIN
) -> Verdict[Id]:
    """Judge a set of rules; pairs that name somebody who does not take part are ignored.

    Quick enough to ask at each edit. Raises ValueError if somebody is listed twice.
    """
    board = board_of(people, forbidden)
    wishes = numbered_pairs(people, options.soft_forbidden)
    lenient = kindest(board, wishes)
    if lenient is None:
        return _impossible(people, board)
    found = find(lenient.board, lenient.matching.recipient_of, options, most_tries=MOST_TRIES)
    if found.recipient_of is None and wishes:
        found = kindest_without_flaws(board, wishes, options, most_tries=MOST_TRIES)
    if found.is_proof:
        return Verdict(is_possible=False)
    forced, thin = _guessable(lenient.board, lenient.matching)
    return Verdict(
        is_possible=True,
        forced_pairs=frozenset((people[giver], people[recipient]) for giver, recipient in forced),
        thin_choices={people[giver]: _named(people, choices) for giver, choices in thin.items()},
        soft_pairs_needed=max(lenient.needed, found.price),
        is_certain=found.recipient_of is not None,
    )


def blocking_household(
    verdict: Verdict[Id], household_of: Mapping[Id, Hashable | None]
) -> HouseholdBlock | None:
    """The one household that the blocking group (on the side that names fewer people) belongs to, if any.

    `household_of` maps participants to their household, or to None if they have none.
    """
    group = verdict.blocking_recipients if verdict.is_shorter_from_recipients else verdict.blocking_givers
    households = {household_of.get(person) for person in group}
    if len(households) != 1 or None in households:
        return None
    (household,) = households
    members = {person for person, home in household_of.items() if home == household}
    return HouseholdBlock(household, is_whole=members == group)


def _impossible(people: Sequence[Id], board: Board) -> Verdict[Id]:
    matching = largest_matching(board)
    givers, recipients = _blocking_group(board, matching)
    everybody = frozenset(people)
    blocking, allowed = _named(people, givers), _named(people, recipients)
    return Verdict(
        is_possible=False,
        blocking_givers=blocking,
        allowed_recipients=allowed,
        blocking_recipients=everybody - allowed,
        allowed_givers=everybody - blocking,
        smallest_change=frozenset((people[g], people[r]) for g, r in _smallest_change(board, matching)),
    )


def _blocking_group(board: Board, matching: Matching) -> tuple[frozenset[int], frozenset[int]]:
    """A group of givers and all of their allowed recipients, who are fewer, that is told with few names.

    Looks from the free givers and from the free recipients of a largest matching, from at most `MOST_STARTS`
    of either with different rows. Whoever has no other choices than the group belongs to it as well: to
    leave one of a household out would be true, but odd.
    """
    everybody = frozenset(range(board.size))
    groups = _reaches(board, matching, matching.free_givers)
    groups += [
        (everybody - allowed_givers, everybody - blocking_recipients)
        for blocking_recipients, allowed_givers in _reaches(
            board.flipped(), matching.flipped(), matching.free_recipients
        )
    ]
    closed = [_closed(board, givers) for givers, _ in groups]

    def names(group: tuple[frozenset[int], frozenset[int]]) -> int:
        told = len(group[0]) + len(group[1])
        return min(told, 2 * board.size - told)

    return min(closed, key=names)


def _closed(board: Board, givers: frozenset[int]) -> tuple[frozenset[int], frozenset[int]]:
    """The recipients whom any of `givers` may get, and all givers who have no other choices."""
    others = frozenset(r for r, barred_givers in enumerate(board.barred_givers) if givers <= barred_givers)
    closed = frozenset(giver for giver, barred in enumerate(board.barred) if others <= barred)
    return closed, frozenset(range(board.size)) - others


def _reaches(
    board: Board, matching: Matching, starts: Sequence[int]
) -> list[tuple[frozenset[int], frozenset[int]]]:
    different = {frozenset(board.barred[start]): start for start in reversed(starts)}
    return [blocked_reach(board, matching, start) for start in list(different.values())[-MOST_STARTS:]]


def _smallest_change(board: Board, matching: Matching) -> list[tuple[int, int]]:
    """The fewest pairs to allow: one for each giver whom a largest matching leaves free.

    Each must help at least one more giver, so fewer cannot do. Free givers paired with free recipients do,
    unless that pairs somebody with themselves: two or more are paired in a ring then. A single one trades
    places with a giver or a recipient who could be left free instead; if there is none, this person can
    neither give nor get at all, and needs one pair for either.
    """
    givers, recipients = matching.free_givers, matching.free_recipients
    if givers != recipients or len(givers) > 1:
        both = [person for person in givers if person in set(recipients)]
        givers = both + [giver for giver in givers if giver not in both]
        recipients = both + [recipient for recipient in recipients if recipient not in both]
        return list(zip(givers, recipients[1:] + recipients[:1], strict=True))
    (alone,) = givers
    other_givers = blocked_reach(board, matching, alone)[0] - {alone}
    other_recipients = blocked_reach(board.flipped(), matching.flipped(), alone)[0] - {alone}
    if other_givers:
        return [(min(other_givers), alone)]
    if other_recipients:
        return [(alone, min(other_recipients))]
    pair = next(((g, r) for g, r in enumerate(matching.recipient_of) if g != alone), None)
    return [(alone, pair[1]), (pair[0], alone)] if pair else []


def _guessable(board: Board, matching: Matching) -> tuple[list[tuple[int, int]], dict[int, set[int]]]:
    """The pairs that every valid draw has, and the choices of the givers who have just two."""
    recipient_of = matching.recipient_of
    forced, thin = [], {}
    for block in blocks(board, matching):
        if len(block) == 1:
            forced.append((block[0], recipient_of[block[0]]))
            continue
        recipients = {recipient_of[giver] for giver in block}
        for giver in block:
            if len(recipients) - len(board.barred[giver]) <= FEW_CHOICES:
                choices = recipients.difference(board.barred[giver])
                if len(choices) == FEW_CHOICES:
                    thin[giver] = choices
    return forced, thin


def _named(people: Sequence[Id], numbers: Iterable[int]) -> frozenset[Id]:
    return frozenset(people[number] for number in numbers)
