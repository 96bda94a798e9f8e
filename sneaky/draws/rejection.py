"""Draw from the hat and start over at a barred pair: exactly uniform, quick where little is barred."""

from __future__ import annotations

from random import Random

from sneaky.draws.board import Board


class Rejection:
    """Shuffle-and-retry that gives up a shuffle at its first barred pair.

    Every permutation is equally likely before it is looked at, so every valid one is equally likely to be
    kept.
    """

    def __init__(self, board: Board) -> None:
        """Serve the givers with the most barred recipients first: they fail early."""
        self._barred = board.barred
        self._order = sorted(range(board.size), key=lambda giver: -len(board.barred[giver]))
        self._hat = list(range(board.size))

    def attempt(self, rng: Random) -> list[int] | None:
        """One shuffle: the recipient of each giver, or None at the first barred pair.

        The hat is left as it is for the next attempt: a shuffle is uniform from any start.
        """
        hat, size = self._hat, len(self._hat)
        for index, giver in enumerate(self._order):
            other = index + int(rng.random() * (size - index))
            if hat[other] in self._barred[giver]:
                return None
            hat[index], hat[other] = hat[other], hat[index]
        recipient_of = [0] * size
        for giver, recipient in zip(self._order, hat, strict=True):
            recipient_of[giver] = recipient
        return recipient_of
