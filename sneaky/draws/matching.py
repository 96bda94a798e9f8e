"""Draw who gives to whom: every valid draw equally likely, or a proof that there is none."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random
from typing import Generic

from sneaky.draws.blocks import is_strongly_connected
from sneaky.draws.board import Id, board_of, numbered_pairs
from sneaky.draws.explain import DrawNotFound, NoValidDraw, Verdict, verdict
from sneaky.draws.leniency import Lenient, kindest, kindest_without_flaws
from sneaky.draws.search import PLAIN, DrawOptions, find
from sneaky.draws.subsets import SubsetTable
from sneaky.draws.tiers import Ladder, Method, Tier, WholeDraw, rungs

__all__ = ["DrawNotFound", "DrawOptions", "DrawResult", "Method", "NoValidDraw", "Tier", "draw"]

MOST_REDRAWS = 100
MOST_LISTED_DRAWS = 20_000
MOST_TRIES = 2_000


@dataclass(frozen=True)
class DrawResult(Generic[Id]):
    """A valid draw, how it came about, and which of the pairs to avoid it has nevertheless.

    `attempts` counts the tries of all methods that were used.
    """

    recipient_of: dict[Id, Id]
    method: Method
    attempts: int
    dropped_soft: frozenset[tuple[Id, Id]]


@dataclass(frozen=True)
class Outcome:
    """What came of drawing on one board: a draw or None; with None, `is_proof` tells that there is none."""

    recipient_of: list[int] | None
    method: Method
    attempts: int
    is_proof: bool = False


def draw(
    people: Sequence[Id],
    forbidden: Collection[tuple[Id, Id]],
    rng: Random,
    *,
    options: DrawOptions = PLAIN,
    tier: Tier | None = None,
) -> DrawResult[Id]:
    """Give everybody a recipient, never by a forbidden (giver, recipient) pair and never themselves.

    Pairs that name somebody who does not take part are ignored. `rng` must be a secure source
    (`SystemRandom`) where secrecy matters. `tier` insists on one method. Soft pairs of `options` are dropped
    only as far as the forbidden ones and the other options make it necessary.

    Raises NoValidDraw if there is provably none, DrawNotFound if none was found for such an option or with
    the tier insisted on, ValueError if somebody is listed twice.
    """
    mixed = rng.sample(people, len(people))
    board = board_of(mixed, forbidden)
    wishes = numbered_pairs(mixed, options.soft_forbidden)
    lenient = kindest(board, wishes)
    if lenient is None:
        raise NoValidDraw(verdict(people, forbidden))
    by_rules = _loop if options.single_loop and people else _plain
    outcome = by_rules(lenient, options, rng, tier)
    if outcome.recipient_of is None and wishes and options.is_hard:
        found = kindest_without_flaws(board, wishes, options, most_tries=MOST_TRIES)
        outcome = Outcome(found.recipient_of, Method.SEARCH, outcome.attempts + 1, found.is_proof)
    if outcome.recipient_of is None:
        if outcome.is_proof:
            raise NoValidDraw(Verdict(is_possible=False))
        raise DrawNotFound
    recipient_of = {mixed[giver]: mixed[got] for giver, got in enumerate(outcome.recipient_of)}
    return DrawResult(
        recipient_of=recipient_of,
        method=outcome.method if lenient.is_complete else Method.SEARCH,
        attempts=outcome.attempts,
        dropped_soft=frozenset(pair for pair in recipient_of.items() if pair in options.soft_forbidden),
    )


def _plain(lenient: Lenient, options: DrawOptions, rng: Random, tier: Tier | None) -> Outcome:
    """Draw, and with `no_reciprocal` anew until nothing is reciprocal; else list all draws, else search."""
    whole = WholeDraw(lenient.board, lenient.matching, rng, tier)
    for _ in range(MOST_REDRAWS if options.no_reciprocal else 1):
        recipient_of = whole.draw()
        if recipient_of is None or not options.flaws(recipient_of):
            return Outcome(recipient_of, whole.method, whole.attempts)
    table = SubsetTable.of(lenient.board)
    if table and table.total <= MOST_LISTED_DRAWS:
        fitting = [listed for listed in table.draws() if not options.flaws(listed)]
        chosen = rng.choice(fitting) if fitting else None
        return Outcome(chosen, Method.SUBSETS, whole.attempts + 1, is_proof=not fitting)
    return _searched(lenient, options, whole)


def _loop(lenient: Lenient, options: DrawOptions, rng: Random, tier: Tier | None) -> Outcome:
    """Draw one single loop by the ladder of loops; else search for one."""
    board = lenient.board
    if not is_strongly_connected(board):
        return Outcome(None, Method.SEARCH, 0, is_proof=True)
    ladder = Ladder(rungs(board, tier, single_loop=True), rng)
    recipient_of = ladder.draw()
    if recipient_of is not None and not options.flaws(recipient_of):
        return Outcome(recipient_of, ladder.method, ladder.attempts)
    if ladder.is_proof:
        return Outcome(None, Method.SUBSETS, ladder.attempts, is_proof=True)
    return _searched(lenient, options, WholeDraw(board, lenient.matching, rng), ladder.attempts)


def _searched(lenient: Lenient, options: DrawOptions, whole: WholeDraw, attempts: int = 0) -> Outcome:
    """Start from a random draw that breaks the options and search for one that keeps them."""
    start = whole.draw() or lenient.matching.recipient_of
    found = find(lenient.board, start, options, most_tries=MOST_TRIES)
    return Outcome(found.recipient_of, Method.SEARCH, attempts + whole.attempts + 1, found.is_proof)
