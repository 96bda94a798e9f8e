"""The ladder of methods: try the quick exact ones first, and climb on only when one gives up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from sneaky.draws.blocks import blocks
from sneaky.draws.board import Board
from sneaky.draws.huber_law import HuberLaw
from sneaky.draws.loops import PathTable, RandomCircle
from sneaky.draws.perfect import Matching
from sneaky.draws.rejection import Rejection
from sneaky.draws.subsets import SubsetTable
from sneaky.draws.worms import Worms

MOST_TRIES = 500
MOST_SETTLED = 150_000
MOST_BARRED_PER_PERSON = 3
GOOD_ACCEPTANCE = 1e-2
LEAST_HOPE = 0.05


class Tier(StrEnum):
    """A rung of the ladder that tests and the bench can insist on."""

    REJECTION = "rejection"
    HUBER_LAW = "huber-law"
    SUBSETS = "subsets"
    WORMS = "worms"


class Method(StrEnum):
    """How a draw came about, from the surest to the weakest promise; it is recorded with the draw.

    The first four are exact: every valid draw was equally likely. `near-uniform` is so in the limit of
    endless mixing only. `search` promises a valid draw and no more.
    """

    FORCED = "forced"
    REJECTION = "rejection"
    HUBER_LAW = "huber-law"
    SUBSETS = "subsets"
    NEAR_UNIFORM = "near-uniform"
    SEARCH = "search"

    @property
    def is_exact(self) -> bool:
        """Whether every valid draw was equally likely."""
        return self not in (Method.NEAR_UNIFORM, Method.SEARCH)


def weakest(*methods: Method) -> Method:
    """The method with the weakest promise."""
    return max(methods, key=list(Method).index)


@dataclass(frozen=True)
class Rung:
    """One method made ready for a board; `is_complete` tells that its failure proves there is no draw."""

    method: Method
    attempt: Callable[[Random], list[int] | None]
    most_tries: int = 1
    is_complete: bool = False


class Ladder:
    """Draws again and again from one board, on the lowest rung that works.

    Which rung a draw comes from depends on how often others failed and never on what they would have drawn,
    so climbing adds no bias to exact rungs. A rung is made ready only when it is reached.
    """

    def __init__(self, rungs: Iterator[Rung], rng: Random) -> None:
        """Climb `rungs` as needed, with chance from `rng`."""
        self._rungs = rungs
        self._rng = rng
        self._rung = next(rungs, None)
        self.attempts = 0
        self.is_proof = False

    @property
    def method(self) -> Method:
        """The method of the rung in use."""
        return self._rung.method if self._rung else Method.SEARCH

    def draw(self) -> list[int] | None:
        """The recipient of each giver; None once the ladder is at its end."""
        while self._rung is not None:
            for _ in range(self._rung.most_tries):
                self.attempts += 1
                recipient_of = self._rung.attempt(self._rng)
                if recipient_of is not None:
                    return recipient_of
            self.is_proof = self._rung.is_complete
            self._rung = None if self.is_proof else next(self._rungs, None)
        return None


class WholeDraw:
    """Draws the blocks of a board one by one: choices in one block leave the others untouched."""

    def __init__(self, board: Board, matching: Matching, rng: Random, tier: Tier | None = None) -> None:
        """`matching` must be perfect on `board`; with `tier` only that rung is used."""
        self._start = matching.recipient_of
        self._parts: list[tuple[list[int], list[int], Ladder]] = []
        for givers in blocks(board, matching):
            if len(givers) > 1:
                recipients = [self._start[giver] for giver in givers]
                part = board.cut(givers, recipients)
                self._parts.append((givers, recipients, Ladder(rungs(part, tier), rng)))

    @property
    def method(self) -> Method:
        """The method with the weakest promise that any block needs."""
        return weakest(Method.FORCED, *(ladder.method for _, _, ladder in self._parts))

    @property
    def attempts(self) -> int:
        """How many attempts there were, over all blocks and methods."""
        return sum(ladder.attempts for _, _, ladder in self._parts)

    def draw(self) -> list[int] | None:
        """The recipient of each giver; None if a tier was insisted on that did not succeed."""
        recipient_of = list(self._start)
        for givers, recipients, ladder in self._parts:
            part = ladder.draw()
            if part is None:
                return None
            for giver, index in zip(givers, part, strict=True):
                recipient_of[giver] = recipients[index]
        return recipient_of


def rungs(board: Board, tier: Tier | None = None, *, single_loop: bool = False) -> Iterator[Rung]:
    """The ladder for a board, with `tier` that rung only.

    For whole draws "each gives to the recipient of the same number" must be valid, and then the last rung
    never fails. The ladder for one `single_loop` may end without a draw.
    """
    if tier is Tier.REJECTION or (tier is None and is_sparsely_barred(board)):
        shuffle = RandomCircle(board) if single_loop else Rejection(board)
        yield Rung(Method.REJECTION, shuffle.attempt, MOST_TRIES)
    if tier in (None, Tier.HUBER_LAW):
        yield from _huber_law_and_counting(board, tier, single_loop)
    elif tier is Tier.SUBSETS:
        yield from _counting(board, single_loop)
    if tier in (None, Tier.WORMS) and not single_loop:
        yield Rung(Method.NEAR_UNIFORM, Worms(board, list(range(board.size))).attempt)


def _huber_law_and_counting(board: Board, tier: Tier | None, single_loop: bool) -> Iterator[Rung]:
    """Where an attempt succeeds often, do not count; where it rarely does, count first and try longer then.

    The guess of how often it does is mostly too low, by a factor of 10 or more on sparse boards.
    """
    huber_law = HuberLaw(board, single_loop=single_loop)
    if tier or huber_law.likely_acceptance >= GOOD_ACCEPTANCE:
        yield Rung(Method.HUBER_LAW, huber_law.attempt, MOST_TRIES)
    if tier is None:
        yield from _counting(board, single_loop)
        most_tries = max(MOST_TRIES, MOST_SETTLED // board.size)
        if huber_law.likely_acceptance * most_tries >= LEAST_HOPE:
            yield Rung(Method.HUBER_LAW, huber_law.attempt, most_tries)


def _counting(board: Board, single_loop: bool) -> Iterator[Rung]:
    table = PathTable.of(board) if single_loop else SubsetTable.of(board)
    if table:
        yield Rung(Method.SUBSETS, table.sample, is_complete=True)


def is_sparsely_barred(board: Board) -> bool:
    """Whether a shuffle is valid about once in twenty times or more often."""
    return board.barred_pairs <= MOST_BARRED_PER_PERSON * board.size
