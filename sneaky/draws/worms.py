"""Walk at random from draw to draw: the last resort, uniform in the limit only."""

from __future__ import annotations

from math import ceil, log
from random import Random

from sneaky.draws.board import Board

STEPS_PER_PERSON = 64


def worms_for(size: int) -> int:
    """How many worms make one draw: a fixed number, for to stop at a good look would favour some draws."""
    return 2 * ceil(4 * log(max(size, 2)) + 20)


class Worms:
    """A chain of worms on the valid draws, started from one of them.

    A worm takes the recipient of a random giver away. Whoever is without a recipient takes a random allowed
    one; if that one has a giver, this giver is without now; the worm ends when the free recipient is taken.
    Give each state in between the weight "choices of the giver without" and each draw the weight "number of
    givers", and the walk is reversible: so it is between the draws, all of which weigh the same. A worm that
    grows too long is taken back. It runs as long in either direction, so this keeps the balance.
    """

    def __init__(self, board: Board, start: list[int]) -> None:
        """`start` must be a valid draw."""
        self._board = board
        self._start = start
        self._few = {
            giver: sorted(board.allowed(giver))
            for giver, row in enumerate(board.barred)
            if 2 * len(row) > board.size
        }

    def attempt(self, rng: Random) -> list[int]:
        """The draw after the fixed number of worms; it never fails."""
        recipient_of = list(self._start)
        for _ in range(worms_for(self._board.size)):
            recipient_of = self._after_worm(recipient_of, rng)
        return recipient_of

    def _after_worm(self, before: list[int], rng: Random) -> list[int]:
        recipient_of = list(before)
        giver_of = {recipient: giver for giver, recipient in enumerate(before)}
        giver = int(rng.random() * len(before))
        free = recipient_of[giver]
        for _ in range(STEPS_PER_PERSON * len(before)):
            recipient = self._random_choice(giver, rng)
            recipient_of[giver] = recipient
            if recipient == free:
                return recipient_of
            giver, giver_of[recipient] = giver_of[recipient], giver
        return before

    def _random_choice(self, giver: int, rng: Random) -> int:
        """A random recipient that `giver` may get: from a list if there are few, else by trying."""
        if few := self._few.get(giver):
            return few[int(rng.random() * len(few))]
        while True:
            recipient = int(rng.random() * self._board.size)
            if recipient not in self._board.barred[giver]:
                return recipient
