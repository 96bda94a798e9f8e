"""The board of a draw: who may not give to whom, by number instead of by id."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

Id = TypeVar("Id", bound=Hashable)


@dataclass(frozen=True)
class Board:
    """A square of givers and recipients, both numbered from 0.

    `barred[giver]` holds the recipients this giver may not get. What is barred is stored, not what is
    allowed: ten thousand people have a hundred million allowed pairs. The sets are shared freely and never
    changed.
    """

    barred: Sequence[AbstractSet[int]]

    @property
    def size(self) -> int:
        """How many givers there are, and as many recipients."""
        return len(self.barred)

    @cached_property
    def barred_givers(self) -> list[set[int]]:
        """The board read the other way: per recipient the givers who may not give to them."""
        givers: list[set[int]] = [set() for _ in range(self.size)]
        for giver, recipients in enumerate(self.barred):
            for recipient in recipients:
                givers[recipient].add(giver)
        return givers

    @cached_property
    def barred_pairs(self) -> int:
        """How many pairs are barred, the self pairs included."""
        return sum(map(len, self.barred))

    @cached_property
    def is_roomy(self) -> bool:
        """Whether everybody may give to, and get from, more than half of the recipients.

        Then a valid draw exists and every allowed pair is part of one: without such a pair each of the
        others still has at least half of what is left, which is enough for Hall's condition.
        """
        return all(2 * len(row) < self.size for row in self.barred) and all(
            2 * len(row) < self.size for row in self.barred_givers
        )

    def allowed(self, giver: int) -> set[int]:
        """The recipients that `giver` may get."""
        return set(range(self.size)).difference(self.barred[giver])

    def flipped(self) -> Board:
        """The same board with givers and recipients in each other's place."""
        return Board(self.barred_givers)

    def cut(self, givers: Sequence[int], recipients: Sequence[int]) -> Board:
        """The part of the board with these givers and recipients, renumbered in the order given."""
        number = {recipient: index for index, recipient in enumerate(recipients)}
        return Board([{number[r] for r in self.barred[giver] if r in number} for giver in givers])

    def also_barring(self, pairs: Iterable[tuple[int, int]]) -> Board:
        """This board with more pairs barred."""
        barred = [set(row) for row in self.barred]
        for giver, recipient in pairs:
            barred[giver].add(recipient)
        return Board(barred)


def numbered_pairs(people: Sequence[Id], pairs: Collection[tuple[Id, Id]]) -> list[tuple[int, int]]:
    """Put numbers (places in `people`) for ids; pairs that name somebody else are left out."""
    number = {person: index for index, person in enumerate(people)}
    return [(number[a], number[b]) for a, b in pairs if a in number and b in number]


def board_of(people: Sequence[Id], forbidden: Collection[tuple[Id, Id]]) -> Board:
    """The board on which the forbidden (giver, recipient) pairs and everybody's own place are barred.

    Raises ValueError if somebody is listed twice.
    """
    if len(set(people)) != len(people):
        raise ValueError("the same person is listed twice")
    barred = [{own} for own in range(len(people))]
    for giver, recipient in numbered_pairs(people, forbidden):
        barred[giver].add(recipient)
    return Board(barred)
