"""What is left of a draw after people left or joined, and the cheapest ways to make it whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from sneaky.draws.board import Board
from sneaky.draws.cheapest import Assignment
from sneaky.draws.perfect import NOBODY, Matching, inverse
from sneaky.draws.search import DrawOptions
from sneaky.draws.tiers import Method, WholeDraw

MOST_PROPOSALS = 2_000
MOST_PROPOSED_PAIRS = 200_000


@dataclass(frozen=True)
class Damage:
    """A draw with gaps: `kept` pairs could stay, all others on the board need a recipient, a giver or both.

    Of those who could keep their recipient, the ones in `opened` know who it is. Pairs in `soft` are to be
    avoided.
    """

    board: Board
    kept: Mapping[int, int]
    opened: frozenset[int]
    soft: frozenset[tuple[int, int]]

    def assignment(self) -> Assignment:
        """The gaps as a matching to complete: no number of lesser evils outweighs a greater one.

        One more changed giver is worse than any number of changed givers who had opened their match, and one
        more of these is worse than any number of new soft pairs. Prices are told relative to changing:
        keeping earns.
        """
        unit = self.board.size + 1
        prices: dict[int, dict[int, int]] = {}
        for giver, recipient in self.soft:
            prices.setdefault(giver, {})[recipient] = 1
        worth = [0] * self.board.size
        matching = Matching([NOBODY] * self.board.size, [NOBODY] * self.board.size)
        for giver, recipient in self.kept.items():
            worth[giver] = -unit * (unit + (giver in self.opened))
            prices.setdefault(giver, {})[recipient] = worth[giver]
            matching.recipient_of[giver], matching.giver_of[recipient] = recipient, giver
        return Assignment(self.board, matching, prices, worth)


class Proposals:
    """Guess mendings as cheap as a known one, each with the same chance, until one keeps all rules.

    A cheapest mending changes a set of kept givers, of whom a certain number had opened, and deals the
    recipients of these and the free ones out anew among these and the free givers. All such sets and all
    ways to deal are proposed equally often, so the accepted mendings are exactly uniform.
    """

    def __init__(self, damage: Damage, cheapest: list[int], options: DrawOptions) -> None:
        """`cheapest` is any mending of the least price."""
        self._damage = damage
        self._options = options
        self._free_givers = [giver for giver in range(damage.board.size) if giver not in damage.kept]
        self._free_recipients = sorted(set(range(damage.board.size)).difference(damage.kept.values()))
        self._unopened = [giver for giver in damage.kept if giver not in damage.opened]
        self._opened = [giver for giver in damage.kept if giver in damage.opened]
        changed = [giver for giver, recipient in damage.kept.items() if cheapest[giver] != recipient]
        self._opened_changes = len(damage.opened.intersection(changed))
        self._unopened_changes = len(changed) - self._opened_changes
        self._soft_pairs = self._count_soft({giver: cheapest[giver] for giver in self._free_givers + changed})
        self._new_pairs = len(self._free_givers) + len(changed)

    @property
    def most_tries(self) -> int:
        """How many proposals are worth the time."""
        return min(MOST_PROPOSALS, MOST_PROPOSED_PAIRS // (self._new_pairs + 1))

    def attempt(self, rng: Random) -> list[int] | None:
        """Propose one mending: everybody's recipient, or None if it breaks a rule or costs more."""
        changed = rng.sample(self._unopened, self._unopened_changes) + rng.sample(
            self._opened, self._opened_changes
        )
        recipients = self._free_recipients + [self._damage.kept[giver] for giver in changed]
        rng.shuffle(recipients)
        dealt = dict(zip(self._free_givers + changed, recipients, strict=True))
        if any(
            recipient in self._damage.board.barred[giver] or self._damage.kept.get(giver) == recipient
            for giver, recipient in dealt.items()
        ):
            return None
        recipient_of = [recipient for _, recipient in sorted((dict(self._damage.kept) | dealt).items())]
        if self._count_soft(dealt) != self._soft_pairs or self._options.flaws(recipient_of):
            return None
        return recipient_of

    def _count_soft(self, dealt: Mapping[int, int]) -> int:
        return len(self._damage.soft.intersection(dealt.items()))


def mended(
    damage: Damage, assignment: Assignment, cheapest: list[int], options: DrawOptions, rng: Random
) -> tuple[list[int], Method, int]:
    """Choose among the cheapest mendings, of which `cheapest` is one: `(recipients, method, attempts)`.

    `assignment` is `damage.assignment()` completed. If proposals fail, the board of the cheapest mendings is
    drawn from like any other; where an option or the size forbids that, `cheapest` itself is taken.
    """
    proposals = Proposals(damage, cheapest, options)
    for attempt in range(1, proposals.most_tries + 1):
        recipient_of = proposals.attempt(rng)
        if recipient_of is not None:
            return recipient_of, Method.REJECTION, attempt
    board = None if options.is_hard else assignment.board_of_cheapest()
    if board is None:
        return cheapest, Method.SEARCH, proposals.most_tries
    whole = WholeDraw(board, Matching(cheapest, inverse(cheapest)), rng)
    drawn = whole.draw() or cheapest
    return drawn, whole.method, proposals.most_tries + whole.attempts
