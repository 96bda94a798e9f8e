"""Count all draws by sets of recipients and pick one: exactly uniform where the rules leave few choices."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from random import Random

from sneaky.draws.board import Board

MOST_STATES = 200_000
MOST_ALLOWED_PAIRS = 10_000


class SubsetTable:
    """For the first 1, 2, … givers: each set of recipients that they can have, and in how many ways.

    Sets are bit masks. A recipient whom no later giver may get must be in the set by then, which keeps the
    sets few when givers with common choices follow each other.
    """

    def __init__(self, order: list[int], choices: list[list[int]], layers: list[dict[int, int]]) -> None:
        """Use `SubsetTable.of`; `choices` are one-bit masks by giver, `layers[k]` counts the first k."""
        self._order = order
        self._choices = choices
        self._layers = layers
        self._everybody = (1 << len(order)) - 1
        self.total = layers[-1].get(self._everybody, 0)

    @classmethod
    def of(cls, board: Board, *, most_states: int = MOST_STATES) -> SubsetTable | None:
        """Count, or return None if the board allows too much for that."""
        if board.size**2 - board.barred_pairs > MOST_ALLOWED_PAIRS:
            return None
        allowed = [board.allowed(giver) for giver in range(board.size)]
        order = _neighbours_together(allowed)
        last_chance = {recipient: place for place, giver in enumerate(order) for recipient in allowed[giver]}
        choices = [[1 << recipient for recipient in row] for row in allowed]
        layers, states = [{0: 1}], 1
        for place, giver in enumerate(order):
            must_be_in = sum(
                1 << recipient for recipient in allowed[giver] if last_chance[recipient] == place
            )
            ways: dict[int, int] = {}
            for taken, count in layers[-1].items():
                for bit in choices[giver]:
                    if not taken & bit and (taken | bit) & must_be_in == must_be_in:
                        ways[taken | bit] = ways.get(taken | bit, 0) + count
                if states + len(ways) > most_states:
                    return None
            states += len(ways)
            layers.append(ways)
        return cls(order, choices, layers)

    def sample(self, rng: Random) -> list[int] | None:
        """One of the draws, each with the same chance; None if there is none.

        Goes back from everybody: the last giver's recipient is chosen by how many ways are left without
        them.
        """
        if not self.total:
            return None
        recipient_of = [0] * len(self._order)
        taken = self._everybody
        for place in range(len(self._order) - 1, -1, -1):
            giver, before = self._order[place], self._layers[place]
            choices = [bit for bit in self._choices[giver] if taken & bit]
            bit = choices[weighted(rng, [before.get(taken ^ bit, 0) for bit in choices])]
            recipient_of[giver] = bit.bit_length() - 1
            taken ^= bit
        return recipient_of

    def draws(self) -> Iterator[list[int]]:
        """All draws, one by one; there are `total`."""
        open_ends = [(len(self._order), self._everybody, [0] * len(self._order))] if self.total else []
        while open_ends:
            place, taken, recipient_of = open_ends.pop()
            if place == 0:
                yield recipient_of
                continue
            giver, before = self._order[place - 1], self._layers[place - 1]
            for bit in self._choices[giver]:
                if taken & bit and taken ^ bit in before:
                    longer = list(recipient_of)
                    longer[giver] = bit.bit_length() - 1
                    open_ends.append((place - 1, taken ^ bit, longer))


def _neighbours_together(allowed: list[set[int]]) -> list[int]:
    """Order the givers so that few recipients are open at a time: got by chance before, but not surely yet.

    Next comes who opens the fewest recipients, where each one they share with w givers still to come,
    themselves included, counts 1 / w less: it may be closed soon.
    """
    waiting: list[set[int]] = [set() for _ in allowed]
    for giver, row in enumerate(allowed):
        for recipient in row:
            waiting[recipient].add(giver)
    score = {giver: sum(1 - 1 / len(waiting[r]) for r in row) for giver, row in enumerate(allowed)}
    opened: set[int] = set()
    order = []
    while score:
        giver = min(score, key=score.__getitem__)
        del score[giver]
        order.append(giver)
        for recipient in allowed[giver]:
            others = waiting[recipient]
            others.discard(giver)
            if others:
                change = 1 / (len(others) + 1) - 1 / len(others) - (recipient not in opened)
                for other in others:
                    score[other] += change
        opened |= allowed[giver]
    return order


def weighted(rng: Random, weights: list[int]) -> int:
    """A random place in `weights`, each as likely as its weight says; exact for whole numbers of any size."""
    upto = list(accumulate(weights))
    return bisect_right(upto, rng.randrange(upto[-1]))
