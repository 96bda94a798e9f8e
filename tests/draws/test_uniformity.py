"""Every valid draw is equally likely: each exact method alone, against all draws there are."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from sneaky.draws.board import Board, board_of
from sneaky.draws.leniency import kindest
from sneaky.draws.matching import draw
from sneaky.draws.perfect import largest_matching
from sneaky.draws.search import DrawOptions
from sneaky.draws.tiers import Ladder, Tier, WholeDraw, is_sparsely_barred, rungs
from tests.draws.boards import Pair, cases, households, valid_draws
from tests.draws.fairness import assert_fair, quantiles, simulated

EXACT = (Tier.REJECTION, Tier.HUBER_LAW, Tier.SUBSETS)
LISTED = (
    "self-only-4",
    "self-only-6",
    "households-2-2-2",
    "households-2-2-2-2",
    "households-3-3-3",
    "couples-and-last-year",
    "sparse-3-of-7-1",
    "sparse-3-of-8-0",
    "random-8-1",
)
BOARDS: dict[str, tuple[int, frozenset[Pair]]] = {
    **{name: (case.size, case.forbidden) for name, case in cases().items() if name in LISTED},
    "three-may-not-give-to-0": (6, frozenset((giver, 0) for giver in (3, 4, 5))),
}
SOFT_BOARDS: dict[str, tuple[frozenset[Pair], frozenset[Pair]]] = {
    "two who can spare nobody": (
        households(2, 2, 2),
        frozenset({(0, 2), (0, 3), (0, 4), (0, 5), (1, 2), (1, 3), (1, 4), (1, 5), (2, 0)}),
    ),
    "three who can spare two": (
        frozenset(),
        frozenset({(0, 1), (0, 2), (0, 5), (1, 0), (1, 2), (1, 5), (2, 0), (2, 1), (2, 5)}),
    ),
}


def tiers_by_board() -> list[tuple[str, Tier]]:
    """Each board with each exact tier, but rejection only where the ladder uses it: else it takes ages."""
    return [
        (name, tier)
        for name, (size, forbidden) in BOARDS.items()
        for tier in EXACT
        if tier is not Tier.REJECTION
        or is_sparsely_barred(board_of(range(size), forbidden))
        or name == "sparse-3-of-7-1"
    ]


def fair_draws(board: Board, tier: Tier | None, rng: Random) -> Callable[[], tuple[int, ...]]:
    whole = WholeDraw(board, largest_matching(board), rng, tier)
    return lambda: tuple(whole.draw() or ())


@pytest.mark.slow
@pytest.mark.parametrize(("name", "tier"), tiers_by_board())
def test_each_exact_tier_is_uniform(name: str, tier: Tier) -> None:
    size, forbidden = BOARDS[name]
    board = board_of(range(size), forbidden)
    outcomes = valid_draws(size, forbidden)
    assert_fair(fair_draws(board, tier, Random(f"{name} {tier}")), outcomes)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["self-only-6", "couples-and-last-year"])
def test_the_whole_draw_is_uniform(name: str) -> None:
    size, forbidden = BOARDS[name]
    rng = Random(name)
    people = range(size)

    def drawn() -> tuple[int, ...]:
        recipient_of = draw(people, forbidden, rng).recipient_of
        return tuple(recipient_of[person] for person in people)

    assert_fair(drawn, valid_draws(size, forbidden))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["self-only-6", "couples-and-last-year"])
def test_draws_without_reciprocal_pairs_are_uniform(name: str) -> None:
    size, forbidden = BOARDS[name]
    options = DrawOptions(no_reciprocal=True)
    rng = Random(name)
    people = range(size)

    def drawn() -> tuple[int, ...]:
        recipient_of = draw(people, forbidden, rng, options=options).recipient_of
        return tuple(recipient_of[person] for person in people)

    assert_fair(drawn, valid_draws(size, forbidden, options))


@pytest.mark.slow
@pytest.mark.parametrize("tier", EXACT)
@pytest.mark.parametrize("name", ["self-only-6", "households-2-2-2", "couples-and-last-year"])
def test_single_loops_are_uniform(name: str, tier: Tier) -> None:
    size, forbidden = BOARDS[name]
    ladder = Ladder(rungs(board_of(range(size), forbidden), tier, single_loop=True), Random(f"{name} {tier}"))
    outcomes = valid_draws(size, forbidden, DrawOptions(single_loop=True))
    assert_fair(lambda: tuple(ladder.draw() or ()), outcomes)


@pytest.mark.slow
@pytest.mark.parametrize("name", SOFT_BOARDS)
def test_draws_with_the_fewest_soft_pairs_are_uniform(name: str) -> None:
    hard, soft = SOFT_BOARDS[name]
    lenient = kindest(board_of(range(6), hard), soft)
    assert lenient is not None
    assert lenient.is_complete
    by_soft_pairs: dict[int, list[tuple[int, ...]]] = {}
    for recipients in valid_draws(6, hard):
        by_soft_pairs.setdefault(len(soft.intersection(enumerate(recipients))), []).append(recipients)
    fewest = min(by_soft_pairs)
    assert lenient.needed == fewest > 0
    assert_fair(fair_draws(lenient.board, None, Random(name)), by_soft_pairs[fewest])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["households-2-2-2", "sparse-3-of-8-0"])
def test_worms_look_uniform_too(name: str) -> None:
    """20,000 worm draws cannot be told from fair ones here; that is no proof, so they count as inexact."""
    size, forbidden = BOARDS[name]
    worms = fair_draws(board_of(range(size), forbidden), Tier.WORMS, Random(name))
    assert_fair(worms, valid_draws(size, forbidden))


def test_the_table_of_quantiles_fits_a_simulation() -> None:
    rounds = simulated(17, 300, Random(17))
    assert rounds[-3] < quantiles()[17] < 1.3 * rounds[-1]
