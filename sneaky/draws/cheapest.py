"""Complete a matching at the least price, and find the board of all draws that cost as little."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from heapq import heappop, heappush

from sneaky.draws.board import Board
from sneaky.draws.perfect import NOBODY, Matching

Prices = Mapping[int, Mapping[int, int]]
MOST_SLACK_PAIRS = 500_000


class Assignment:
    """A matching on the way to a cheapest perfect one.

    Allowed pairs cost nothing unless `prices[giver][recipient]` says otherwise. `giver_worth` and
    `recipient_worth` are dual prices: their sum never exceeds the price of an allowed pair, and equals that
    of a matched one. This proves that no perfect matching is cheaper, and that the cheapest ones are all
    those made of pairs without slack.
    """

    def __init__(self, board: Board, matching: Matching, prices: Prices, giver_worth: list[int]) -> None:
        """Start from a matching and giver worths that fit the rule above with all recipients worth 0."""
        self._barred: list[AbstractSet[int]] = list(board.barred)
        self._matching = matching
        self._prices = prices
        self._giver_worth = giver_worth
        self._recipient_worth = [0] * board.size

    @property
    def recipient_of(self) -> list[int]:
        """The matching as it stands."""
        return self._matching.recipient_of

    @property
    def price(self) -> int:
        """What the matched pairs cost together."""
        return sum(
            self._prices[giver].get(recipient, 0)
            for giver, recipient in enumerate(self.recipient_of)
            if giver in self._prices
        )

    def complete(self) -> bool:
        """Give everybody a recipient, each along a cheapest path; False if somebody must stay without."""
        return all(self._augment(giver) for giver in self._matching.free_givers)

    def without(self, giver: int) -> Assignment:
        """A copy in which the recipient `giver` has now is barred to them and taken away."""
        copy = object.__new__(Assignment)
        matching = Matching(list(self._matching.recipient_of), list(self._matching.giver_of))
        recipient = matching.recipient_of[giver]
        matching.recipient_of[giver] = matching.giver_of[recipient] = NOBODY
        copy._barred = list(self._barred)
        copy._barred[giver] = self._barred[giver] | {recipient}
        copy._matching, copy._prices = matching, self._prices
        copy._giver_worth, copy._recipient_worth = list(self._giver_worth), list(self._recipient_worth)
        return copy

    def board_of_cheapest(self) -> Board | None:
        """The board whose valid draws are exactly the cheapest ones; None if it takes too much room."""
        everybody = set(range(len(self._barred)))
        worth = self._recipient_worth
        slack_at = {
            level: {recipient for recipient in everybody if worth[recipient] + level}
            for level in set(self._giver_worth)
        }
        if sum(len(slack_at[level]) for level in self._giver_worth) > MOST_SLACK_PAIRS:
            return None
        rows = []
        for giver, level in enumerate(self._giver_worth):
            row = set(slack_at[level])
            for recipient, price in self._prices.get(giver, {}).items():
                if level + worth[recipient] < price:
                    row.add(recipient)
                else:
                    row.discard(recipient)
            rows.append(row | self._barred[giver])
        return Board(rows)

    def _augment(self, start: int) -> bool:
        """Dijkstra by slack from the free giver `start` to the nearest free recipient.

        All recipients of equal worth are as far from a giver, save those barred or priced, so a giver takes
        all of them from the waiting set in one step.
        """
        waiting: dict[int, set[int]] = {}
        for recipient, worth in enumerate(self._recipient_worth):
            waiting.setdefault(worth, set()).add(recipient)
        giver_at, recipient_at = {start: 0}, dict[int, int]()
        reached_from: dict[int, int] = {}
        steps: list[tuple[int, int, int, int]] = []
        self._push_steps(start, 0, waiting, steps)
        while steps:
            distance, giver, worth, single = heappop(steps)
            if single != NOBODY:
                reached = waiting[worth] & {single}
            else:
                reached = waiting[worth].difference(self._barred[giver], self._prices.get(giver, ()))
            waiting[worth] -= reached
            for recipient in reached:
                reached_from[recipient], recipient_at[recipient] = giver, distance
            free = next((r for r in reached if self._matching.giver_of[r] == NOBODY), None)
            if free is not None:
                self._settle_worths(distance, giver_at, recipient_at)
                self._matching.shift_along(giver, free, reached_from)
                return True
            for recipient in reached:
                holder = self._matching.giver_of[recipient]
                giver_at[holder] = distance
                self._push_steps(holder, distance, waiting, steps)
        return False

    def _push_steps(
        self,
        giver: int,
        distance: int,
        waiting: Mapping[int, set[int]],
        steps: list[tuple[int, int, int, int]],
    ) -> None:
        """Note how far each group of waiting recipients is by way of `giver`."""
        base = distance - self._giver_worth[giver]
        for worth, recipients in waiting.items():
            if recipients:
                heappush(steps, (base - worth, giver, worth, NOBODY))
        for recipient, price in self._prices.get(giver, {}).items():
            if recipient not in self._barred[giver]:
                worth = self._recipient_worth[recipient]
                heappush(steps, (base - worth + price, giver, worth, recipient))

    def _settle_worths(self, distance: int, giver_at: dict[int, int], recipient_at: dict[int, int]) -> None:
        """Move the worths so that the shortest paths have no slack."""
        for giver, at in giver_at.items():
            self._giver_worth[giver] += distance - at
        for recipient, at in recipient_at.items():
            self._recipient_worth[recipient] -= distance - at
