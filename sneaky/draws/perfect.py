"""Find a largest matching on a board, and show by Hall's theorem why it cannot be larger."""

from __future__ import annotations

from dataclasses import dataclass

from sneaky.draws.board import Board

NOBODY = -1


@dataclass
class Matching:
    """Who gives to whom so far; `NOBODY` stands for a giver or a recipient who is still free."""

    recipient_of: list[int]
    giver_of: list[int]

    @property
    def free_givers(self) -> list[int]:
        """The givers without a recipient."""
        return [giver for giver, recipient in enumerate(self.recipient_of) if recipient == NOBODY]

    @property
    def free_recipients(self) -> list[int]:
        """The recipients without a giver."""
        return [recipient for recipient, giver in enumerate(self.giver_of) if giver == NOBODY]

    def flipped(self) -> Matching:
        """The same matching seen from the recipients, for use with the flipped board."""
        return Matching(self.giver_of, self.recipient_of)

    def shift_along(self, giver: int, recipient: int, reached_from: dict[int, int]) -> None:
        """Give `recipient` to `giver`, the old one to the giver it was reached from, on to a free giver."""
        while True:
            old = self.recipient_of[giver]
            self.recipient_of[giver], self.giver_of[recipient] = recipient, giver
            if old == NOBODY:
                return
            giver, recipient = reached_from[old], old


def largest_matching(board: Board) -> Matching:
    """A matching of as many givers as possible.

    Each search walks along allowed pairs by taking what is barred away from the set of those not seen yet,
    so it costs people + barred pairs and never looks at the allowed ones. Searches of one round share that
    set; a round without success proves that the matching is largest.
    """
    matching = _first_come(board)
    while waiting := matching.free_givers:
        unseen, free = set(range(board.size)), set(matching.free_recipients)
        helped = [_augment(board, matching, giver, unseen, free) for giver in waiting]
        if not any(helped):
            break
    return matching


def _first_come(board: Board) -> Matching:
    """Serve those with the fewest choices first, each with the next free number: few short loops arise."""
    matching = Matching([NOBODY] * board.size, [NOBODY] * board.size)
    free = [0, *range(board.size - 1, 0, -1)] if board.size else []
    for giver in sorted(range(board.size), key=lambda giver: -len(board.barred[giver])):
        row = board.barred[giver]
        index = next((i for i in range(len(free) - 1, -1, -1) if free[i] not in row), None)
        if index is not None:
            recipient = free.pop(index)
            matching.recipient_of[giver], matching.giver_of[recipient] = recipient, giver
    return matching


def _augment(board: Board, matching: Matching, start: int, unseen: set[int], free: set[int]) -> bool:
    """Find a recipient for `start` by moving others along one alternating path; False if there is no path."""
    reached_from: dict[int, int] = {}
    queue = [start]
    for giver in queue:
        if free_here := free.difference(board.barred[giver]):
            recipient = free_here.pop()
            free.discard(recipient)
            unseen.discard(recipient)
            matching.shift_along(giver, recipient, reached_from)
            return True
        reached = unseen.difference(board.barred[giver])
        unseen -= reached
        for recipient in reached:
            reached_from[recipient] = giver
            queue.append(matching.giver_of[recipient])
    return False


def blocked_reach(board: Board, matching: Matching, start: int) -> tuple[frozenset[int], frozenset[int]]:
    """Everything a free giver of a largest matching can reach: `(givers, all their allowed recipients)`.

    There is exactly one giver more than recipients, and no smaller group within shows that: each group with
    more givers than recipients must hold `start`, and with a giver all who now have a recipient that giver
    may get.
    """
    unseen = set(range(board.size))
    recipients: set[int] = set()
    givers = [start]
    for giver in givers:
        reached = unseen.difference(board.barred[giver])
        unseen -= reached
        recipients |= reached
        givers.extend(matching.giver_of[recipient] for recipient in reached)
    return frozenset(givers), frozenset(recipients)


def inverse(permutation: list[int]) -> list[int]:
    """Who is sent where, for who comes from where."""
    result = [0] * len(permutation)
    for index, value in enumerate(permutation):
        result[value] = index
    return result
