"""Draw one single loop through everybody: a random circle, or a count of all paths by who is on them."""

from __future__ import annotations

from random import Random

from sneaky.draws.board import Board
from sneaky.draws.subsets import MOST_ALLOWED_PAIRS, MOST_STATES, weighted


class RandomCircle:
    """Seat all in a random circle, anew at the first barred pair: every valid loop is equally likely."""

    def __init__(self, board: Board) -> None:
        """Seat people of `board` anew in each attempt."""
        self._barred = board.barred
        self._seats = list(range(board.size))

    def attempt(self, rng: Random) -> list[int] | None:
        """One circle: the recipient of each giver, or None at the first barred pair.

        A circle has no first seat, so whoever sat there last time may keep it.
        """
        seats, size = self._seats, len(self._seats)
        for index in range(1, size):
            other = index + int(rng.random() * (size - index))
            if seats[other] in self._barred[seats[index - 1]]:
                return None
            seats[index], seats[other] = seats[other], seats[index]
        if seats[0] in self._barred[seats[-1]]:
            return None
        recipient_of = [0] * size
        for place, giver in enumerate(seats):
            recipient_of[giver] = seats[(place + 1) % size]
        return recipient_of


class PathTable:
    """Paths of 1, 2, … people from person 0, counted by who is on them and who is the last (Held and Karp).

    A key of `layers[k]` is (bit mask of the k + 1 people on the path, the last of them).
    """

    def __init__(self, choices: list[list[int]], layers: list[dict[tuple[int, int], int]]) -> None:
        """Use `PathTable.of`."""
        self._choices = choices
        self._layers = layers

    @classmethod
    def of(cls, board: Board, *, most_states: int = MOST_STATES) -> PathTable | None:
        """Count, or return None if the board allows too much for that."""
        if board.size**2 - board.barred_pairs > MOST_ALLOWED_PAIRS:
            return None
        choices = [sorted(board.allowed(giver)) for giver in range(board.size)]
        layers, states = [{(1, 0): 1}], 1
        for _ in range(board.size - 1):
            paths: dict[tuple[int, int], int] = {}
            for (people, last), count in layers[-1].items():
                for following in choices[last]:
                    if not people >> following & 1:
                        key = (people | 1 << following, following)
                        paths[key] = paths.get(key, 0) + count
                if states + len(paths) > most_states:
                    return None
            states += len(paths)
            layers.append(paths)
        return cls(choices, layers)

    def sample(self, rng: Random) -> list[int] | None:
        """One of the loops, each with the same chance; None if there is none.

        Goes back from the last person of a path through everybody who may give to person 0.
        """
        size, target = len(self._choices), 0
        people = (1 << size) - 1
        recipient_of = [0] * size
        for layer in reversed(self._layers):
            givers = [
                giver for giver in range(size) if (people, giver) in layer and target in self._choices[giver]
            ]
            if not givers:
                return None
            giver = givers[weighted(rng, [layer[people, giver] for giver in givers])]
            recipient_of[giver], people, target = target, people ^ 1 << giver, giver
        return recipient_of
