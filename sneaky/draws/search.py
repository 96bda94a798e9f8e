"""Look for a draw that keeps a hard option, and know whether the search has seen everything."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from heapq import heappop, heappush

from sneaky.draws.blocks import is_strongly_connected
from sneaky.draws.board import Board
from sneaky.draws.cheapest import Assignment
from sneaky.draws.perfect import Matching, inverse


@dataclass(frozen=True)
class DrawOptions:
    """What an exchange may ask of a draw besides its forbidden pairs.

    `no_reciprocal`: nobody gives to their own giver. `single_loop`: following the gifts leads once through
    everybody. `soft_forbidden`: (giver, recipient) pairs to avoid wherever possible.
    """

    no_reciprocal: bool = False
    single_loop: bool = False
    soft_forbidden: frozenset[tuple[Hashable, Hashable]] = frozenset()

    @property
    def is_hard(self) -> bool:
        """Whether "is there such a draw at all?" is a hard question (NP-complete)."""
        return self.no_reciprocal or self.single_loop

    def flaws(self, recipient_of: list[int]) -> list[list[int]]:
        """The loops of a draw that these options rule out, the shortest first."""
        if not self.is_hard:
            return []
        loops = sorted(loops_of(recipient_of), key=len)
        is_split = self.single_loop and len(loops) > 1
        return [loop for loop in loops if is_split or (self.no_reciprocal and len(loop) == 2)]


PLAIN = DrawOptions()


def loops_of(recipient_of: list[int]) -> list[list[int]]:
    """The loops of a draw, each as the givers in turn."""
    unseen = set(range(len(recipient_of)))
    loops = []
    for start in range(len(recipient_of)):
        if start in unseen:
            loop, giver = [], start
            while giver in unseen:
                unseen.discard(giver)
                loop.append(giver)
                giver = recipient_of[giver]
            loops.append(loop)
    return loops


def without_flaws_by_swaps(board: Board, recipient_of: list[int], options: DrawOptions) -> list[int]:
    """Let pairs of givers swap recipients as long as that leaves fewer flaws; some may remain."""
    best, flaws = list(recipient_of), options.flaws(recipient_of)
    while flaws:
        better = next(
            (
                swapped
                for giver in flaws[0]
                for other in range(board.size)
                if (swapped := _swapped(board, best, giver, other))
                and len(options.flaws(swapped)) < len(flaws)
            ),
            None,
        )
        if better is None:
            break
        best, flaws = better, options.flaws(better)
    return best


def _swapped(board: Board, recipient_of: list[int], giver: int, other: int) -> list[int] | None:
    if recipient_of[other] in board.barred[giver] or recipient_of[giver] in board.barred[other]:
        return None
    swapped = list(recipient_of)
    swapped[giver], swapped[other] = recipient_of[other], recipient_of[giver]
    return swapped


@dataclass(frozen=True)
class Found:
    """What a search came to: a draw and its price, or None; `is_proof` tells that there is none at all."""

    recipient_of: list[int] | None
    price: int = 0
    is_proof: bool = False


def find(board: Board, start: list[int], options: DrawOptions, *, most_tries: int) -> Found:
    """Turn the valid draw `start` into one that the options allow: by swaps, else by branch and bound."""
    if options.single_loop and not is_strongly_connected(board):
        return Found(None, is_proof=True)
    better = without_flaws_by_swaps(board, start, options)
    whole = Assignment(board, Matching(better, inverse(better)), {}, [0] * board.size)
    return cheapest_without_flaws(whole, options, most_tries=most_tries)


def cheapest_without_flaws(start: Assignment, options: DrawOptions, *, most_tries: int) -> Found:
    """Find the cheapest draw that the options allow, completing `start` in at most `most_tries` other ways.

    A draw with a flaw is the cheapest of all that are open to it. One without this flaw lacks at least one
    pair of that loop, so each pair is barred in turn and the draw completed anew. Of equal prices the one
    with the fewest flaws is looked at first.
    """
    waiting: list[tuple[int, int, int, frozenset[tuple[int, int]], Assignment]] = []
    seen: set[frozenset[tuple[int, int]]] = set()

    def consider(assignment: Assignment, barred: frozenset[tuple[int, int]]) -> None:
        if assignment.complete():
            flaws = len(options.flaws(assignment.recipient_of))
            heappush(waiting, (assignment.price, flaws, -len(seen), barred, assignment))

    consider(start, frozenset())
    while waiting:
        barred, assignment = heappop(waiting)[-2:]
        flaws = options.flaws(assignment.recipient_of)
        if not flaws:
            return Found(assignment.recipient_of, assignment.price)
        for giver in flaws[0]:
            more = barred | {(giver, assignment.recipient_of[giver])}
            if more not in seen:
                if len(seen) == most_tries:
                    return Found(None)
                seen.add(more)
                consider(assignment.without(giver), more)
    return Found(None, is_proof=True)
