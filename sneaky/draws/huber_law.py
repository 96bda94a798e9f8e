"""Huber and Law's acceptance/rejection: exactly uniform, quick even where a lot is barred.

Write g(0) = 1, g(r) = g(r-1) * exp(1 / g(r-1)), and give a board on which the givers still have r_1, r_2,
... choices the bound U = (g(r_1) / e) * (g(r_2) / e) * ... Settle one recipient: those who may give to them
are the candidates, and with t = the sum of 1 / g(r_i - 1) over the candidates, the bounds of all boards that
can follow add up to U * t * exp(1 - t), which is never more than U. So choose candidate i with probability
(bound that follows) / U and give up with what is missing to one: a whole draw then comes out with
probability 1 / U, whichever draw it is.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, log, pi
from random import Random

from sneaky.draws.board import Board
from sneaky.draws.perfect import inverse


@lru_cache(maxsize=16)
def bounds(size: int) -> tuple[float, ...]:
    """g(0), g(1), … g(size): the slowest growth for which the proof above goes through."""
    values = [1.0]
    for _ in range(size):
        values.append(values[-1] * exp(1 / values[-1]))
    return tuple(values)


def log_bound(board: Board) -> float:
    """The logarithm of U: the number of valid draws is at most U."""
    g = bounds(board.size)
    return sum(log(g[board.size - len(row)]) for row in board.barred) - board.size


def likely_acceptance(board: Board) -> float:
    """About how often an attempt succeeds: the number of draws, were choices spread evenly, over U.

    That number is size! * product(r_i / size), with Stirling's formula for the factorial. Nobody may be
    without a choice.
    """
    g, size = bounds(board.size), board.size
    choices = [size - len(row) for row in board.barred]
    return exp(log(2 * pi * size) / 2 + sum(log(r / g[r]) for r in choices))


class Waiting:
    """The givers still without a recipient, in buckets by how many unsettled recipients are barred to them.

    With `left` recipients to settle, a giver in bucket b has left - b choices, so settling one recipient
    changes the bucket of those only to whom this recipient was barred.
    """

    def __init__(self, barred_counts: list[int], givers: range | list[int]) -> None:
        """Put `givers` into the buckets that `barred_counts` (by giver) says."""
        self._bucket_of = [-1] * len(barred_counts)
        self._place = [0] * len(barred_counts)
        self.buckets: dict[int, list[int]] = {}
        for giver in givers:
            self.put(giver, barred_counts[giver])

    def put(self, giver: int, bucket: int) -> None:
        """Let `giver` wait in `bucket`."""
        members = self.buckets.setdefault(bucket, [])
        self._bucket_of[giver], self._place[giver] = bucket, len(members)
        members.append(giver)

    def take(self, giver: int) -> int:
        """Take `giver` out; tells which bucket that was, or -1 for somebody who does not wait any more."""
        bucket = self._bucket_of[giver]
        if bucket >= 0:
            self._bucket_of[giver] = -1
            members = self.buckets[bucket]
            last = members.pop()
            if last != giver:
                members[self._place[giver]] = last
                self._place[last] = self._place[giver]
            elif not members:
                del self.buckets[bucket]
        return bucket

    def choose(self, left: int, weight: tuple[float, ...], rng: Random) -> int | None:
        """Choose somebody with probability 1 / g(r - 1) / exp(t - 1), or None with what is missing to one.

        `weight[r]` is 1 / g(r) and t the sum over all who wait: t never exceeds exp(t - 1).
        """
        total = 0.0
        for bucket, members in self.buckets.items():
            total += len(members) * weight[left - bucket - 1]
        point = rng.random() * exp(total - 1)
        for bucket, members in self.buckets.items():
            share = len(members) * weight[left - bucket - 1]
            if point < share:
                return members[min(int(point / weight[left - bucket - 1]), len(members) - 1)]
            point -= share
        return None


class HuberLaw:
    """Attempts at a draw of the whole board, or at one single loop through all people."""

    def __init__(self, board: Board, *, single_loop: bool = False) -> None:
        """Prepare; of the two ways to read the board the one with the smaller bound succeeds more often.

        A single loop is always read as it is, for there the order of settling follows the loop.
        """
        self._single_loop = single_loop
        self._is_flipped = not single_loop and log_bound(board.flipped()) < log_bound(board)
        side = board.flipped() if self._is_flipped else board
        self._size = board.size
        self._barred_givers = side.barred_givers
        self._barred_counts = [len(row) for row in side.barred]
        self._order = sorted(range(board.size), key=lambda recipient: -len(side.barred_givers[recipient]))
        self._weight = tuple(1 / value for value in bounds(board.size))
        self.likely_acceptance = likely_acceptance(side)

    def attempt(self, rng: Random) -> list[int] | None:
        """One try at a draw: the recipient of each giver, or None."""
        return self._loop(rng) if self._single_loop else self._whole(rng)

    def _whole(self, rng: Random) -> list[int] | None:
        waiting = Waiting(self._barred_counts, range(self._size))
        giver_of = [0] * self._size
        for settled, recipient in enumerate(self._order):
            giver = self._settle(recipient, self._size - settled, waiting, rng)
            if giver is None:
                return None
            giver_of[recipient] = giver
        return giver_of if self._is_flipped else inverse(giver_of)

    def _loop(self, rng: Random) -> list[int] | None:
        """Whoever is chosen to give is the next to be given to.

        One person is kept out of the choice to close the loop at the end, if allowed. This leaves one giver
        fewer, so the bound is near (size - 1)!, the number of loops, and not size!, the number of draws.
        """
        closing = self._order[-1]
        waiting = Waiting(self._barred_counts, [giver for giver in range(self._size) if giver != closing])
        giver_of = [0] * self._size
        recipient = closing
        for left in range(self._size, 1, -1):
            giver = self._settle(recipient, left, waiting, rng)
            if giver is None:
                return None
            giver_of[recipient] = recipient = giver
        if closing in self._barred_givers[recipient]:
            return None
        giver_of[recipient] = closing
        return inverse(giver_of)

    def _settle(self, recipient: int, left: int, waiting: Waiting, rng: Random) -> int | None:
        """Choose a giver for `recipient`, one of `left` unsettled; None if refused or somebody is stuck."""
        aside = [(giver, waiting.take(giver)) for giver in self._barred_givers[recipient]]
        chosen = waiting.choose(left, self._weight, rng)
        if chosen is None:
            return None
        waiting.take(chosen)
        for giver, bucket in aside:
            if bucket >= 0:
                waiting.put(giver, bucket - 1)
        if left - 1 in waiting.buckets:
            return None
        return chosen
