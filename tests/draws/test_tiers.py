"""The single methods: the bound behind Huber and Law's, the limits of counting, the balance of worms."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, log, sqrt
from random import Random

import pytest

from sneaky.draws.blocks import blocks, is_strongly_connected, strong_components
from sneaky.draws.board import Board, board_of
from sneaky.draws.huber_law import HuberLaw, bounds, likely_acceptance, log_bound
from sneaky.draws.loops import PathTable
from sneaky.draws.matching import Method, draw
from sneaky.draws.perfect import largest_matching
from sneaky.draws.subsets import SubsetTable
from sneaky.draws.tiers import Ladder, Rung, weakest
from tests.draws.boards import (
    Pair,
    all_but_steps,
    all_pairs,
    cases,
    households,
    random_forbidden,
    valid_draws,
)


def random_boards(count: int, seed: int) -> Iterator[tuple[int, frozenset[Pair]]]:
    rng = Random(seed)
    for _ in range(count):
        size = rng.randrange(2, 7)
        yield size, random_forbidden(size, rng.uniform(0, 0.6), rng)


def test_the_bound_is_never_below_the_number_of_draws() -> None:
    for size, forbidden in random_boards(500, seed=1):
        board = board_of(range(size), forbidden)
        if all(len(row) < size for row in board.barred):
            draws = len(valid_draws(size, forbidden))
            assert draws <= exp(log_bound(board)) * (1 + 1e-12)


def test_the_bounds_that_can_follow_never_exceed_the_bound() -> None:
    """All that makes the method exact: settle any recipient, and the chances add up to one at most."""
    for size, forbidden in random_boards(500, seed=2):
        board = board_of(range(size), forbidden)
        everybody = list(range(size))
        for recipient in everybody:
            others = [r for r in everybody if r != recipient]
            followed = sum(
                exp(log_bound(board.cut([g for g in everybody if g != giver], others)))
                for giver in everybody
                if recipient not in board.barred[giver]
            )
            assert followed <= exp(log_bound(board)) * (1 + 1e-12)


def test_the_bound_grows_slower_than_the_published_one() -> None:
    """Huber and Law's own g is r + ln(r) / 2 + e - 1; a smaller one gives up less often."""
    published = [r + 0.5 * log(r) + exp(1) - 1 for r in range(1, 200)]
    assert all(ours <= theirs + 1e-12 for ours, theirs in zip(bounds(199)[1:], published, strict=True))
    assert bounds(1)[1] == pytest.approx(exp(1))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["self-only-6", "couples-and-last-year", "random-8-1"])
def test_an_attempt_succeeds_as_often_as_the_bound_says(name: str) -> None:
    """Each draw comes out with chance 1 / U: so one attempt in U / draws succeeds."""
    case = cases()[name]
    board = board_of(range(case.size), case.forbidden)
    method, rng, attempts = HuberLaw(board), Random(name), 20_000
    chance = case.valid_draws / exp(min(log_bound(board), log_bound(board.flipped())))
    succeeded = sum(method.attempt(rng) is not None for _ in range(attempts))
    assert abs(succeeded / attempts - chance) < 4 * sqrt(chance * (1 - chance) / attempts)


def test_the_guess_of_the_acceptance_is_near_on_even_boards() -> None:
    board = board_of(range(6), households(2, 2, 2))
    assert likely_acceptance(board) == pytest.approx(80 / exp(log_bound(board)), rel=0.3)


@pytest.mark.parametrize(
    ("size", "forbidden", "method"),
    [
        (5, frozenset(all_pairs(5)) - {(giver, (giver + 1) % 5) for giver in range(5)}, Method.FORCED),
        (30, households(*[2] * 15), Method.REJECTION),
        (60, households(*[10] * 6), Method.HUBER_LAW),
        (24, all_but_steps(24, 1, 2, 5), Method.SUBSETS),
        (40, all_but_steps(40, 1, 3, 7, 12, 18, 25, 31, 36), Method.HUBER_LAW),
        (60, all_but_steps(60, 1, 7, 24, 31), Method.NEAR_UNIFORM),
    ],
)
def test_the_ladder_finds_the_method_that_fits(size: int, forbidden: frozenset[Pair], method: Method) -> None:
    result = draw(range(size), forbidden, Random(1))
    assert result.method is method
    assert result.recipient_of.items().isdisjoint(forbidden)


def test_two_departments_of_equal_size_are_drawn_block_by_block() -> None:
    """60 of 120 must take all others, so these take the 60; no shuffle of the whole would be valid."""
    forbidden = {(a, b) for a, b in all_pairs(120) if a < 60 and b < 60}
    result = draw(range(120), forbidden, Random(1))
    assert (result.method, result.attempts) == (Method.REJECTION, 2)
    assert all(result.recipient_of[giver] < 60 for giver in range(60, 120))


def test_the_weakest_promise_counts() -> None:
    assert weakest(Method.HUBER_LAW, Method.NEAR_UNIFORM, Method.FORCED) is Method.NEAR_UNIFORM
    assert [method.is_exact for method in Method] == [True] * 4 + [False] * 2


def test_a_ladder_climbs_and_ends() -> None:
    def rungs() -> Iterator[Rung]:
        yield Rung(Method.REJECTION, lambda rng: None, most_tries=3)
        yield Rung(Method.SUBSETS, lambda rng: None, is_complete=True)

    ladder = Ladder(rungs(), Random(1))
    assert ladder.method is Method.REJECTION
    assert ladder.draw() is None
    assert (ladder.attempts, ladder.is_proof, ladder.method) == (4, True, Method.SEARCH)
    assert ladder.draw() is None


def test_counting_gives_up_in_time() -> None:
    assert SubsetTable.of(board_of(range(12), ()), most_states=1_000) is None
    assert SubsetTable.of(board_of(range(400), ())) is None
    assert PathTable.of(board_of(range(12), ()), most_states=1_000) is None
    assert PathTable.of(board_of(range(400), ())) is None


def test_without_a_draw_the_tables_have_nothing_to_pick() -> None:
    impossible = board_of(range(3), {(0, 1), (1, 0)})
    subsets, paths = SubsetTable.of(impossible), PathTable.of(impossible)
    assert subsets is not None
    assert subsets.sample(Random(1)) is None
    assert list(subsets.draws()) == []
    assert paths is not None
    assert paths.sample(Random(1)) is None


def test_a_roomy_board_is_one_block_and_connected() -> None:
    for size, forbidden in random_boards(500, seed=3):
        board = board_of(range(size), forbidden)
        if board.is_roomy:
            matching = largest_matching(board)
            matched = Board([{matching.giver_of[r] for r in row} for row in board.barred])
            assert len(strong_components(matched.barred, matched.barred_givers)) == 1
            assert blocks(board, matching) == [list(range(size))]
            assert is_strongly_connected(board)
            assert len(strong_components(board.barred, board.barred_givers)) == 1
