"""Keep wishes such as "not last year's" wherever possible, and drop them only as far as needed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sneaky.draws.board import Board
from sneaky.draws.cheapest import Assignment
from sneaky.draws.perfect import NOBODY, Matching, largest_matching
from sneaky.draws.search import DrawOptions, Found, cheapest_without_flaws


@dataclass(frozen=True)
class Lenient:
    """A board on which wishes are barred as far as possible, and a perfect matching of it.

    Every valid draw on it has just `needed` of the wished-away pairs, the fewest possible. `is_complete`
    tells whether all such draws are on it; that is False only where it would take too much room (thousands
    of people of whom many cannot be spared). Then the wished-away pairs of one such draw are allowed, and no
    others.
    """

    board: Board
    matching: Matching
    needed: int = 0
    is_complete: bool = True


def kindest(board: Board, wishes: Collection[tuple[int, int]]) -> Lenient | None:
    """Bar the `wishes` as far as possible; None if no draw keeps even the rules of `board`."""
    wishes = [(giver, recipient) for giver, recipient in wishes if recipient not in board.barred[giver]]
    strict = board.also_barring(wishes) if wishes else board
    matching = largest_matching(strict)
    if not matching.free_givers:
        return Lenient(strict, matching)
    assignment = _priced(board, matching, wishes)
    if not assignment.complete():
        return None
    complete = assignment.board_of_cheapest()
    if complete is not None:
        return Lenient(complete, matching, assignment.price)
    spared = set(wishes).difference(enumerate(matching.recipient_of))
    return Lenient(board.also_barring(spared), matching, assignment.price, is_complete=False)


def kindest_without_flaws(
    board: Board, wishes: Collection[tuple[int, int]], options: DrawOptions, *, most_tries: int
) -> Found:
    """Search for a draw that keeps the options and has as few `wishes` as that allows; they are its price.

    For when no draw with the fewest wishes of all keeps the options. The board must have a valid draw.
    """
    nobody = Matching([NOBODY] * board.size, [NOBODY] * board.size)
    return cheapest_without_flaws(_priced(board, nobody, wishes), options, most_tries=most_tries)


def _priced(board: Board, matching: Matching, wishes: Collection[tuple[int, int]]) -> Assignment:
    """A matching without `wishes` as one to complete, where each of them costs 1."""
    prices: dict[int, dict[int, int]] = {}
    for giver, recipient in wishes:
        prices.setdefault(giver, {})[recipient] = 1
    return Assignment(board, matching, prices, [0] * board.size)
