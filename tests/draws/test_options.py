"""Options: no reciprocal pairs, one single loop, soft pairs; "impossible" is said only when proved."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from random import Random

import pytest

from sneaky.draws import cheapest, explain, matching
from sneaky.draws.board import board_of
from sneaky.draws.explain import verdict
from sneaky.draws.leniency import kindest_without_flaws
from sneaky.draws.matching import DrawNotFound, DrawOptions, Method, NoValidDraw, Tier, draw
from sneaky.draws.search import PLAIN, find
from tests.draws.boards import (
    Pair,
    all_but_steps,
    all_pairs,
    boards_up_to_relabelling,
    cases,
    has_reciprocal,
    households,
    loop_length,
    random_forbidden,
    valid_draws,
)

NO_RECIPROCAL = DrawOptions(no_reciprocal=True)
SINGLE_LOOP = DrawOptions(single_loop=True)
BOTH = DrawOptions(no_reciprocal=True, single_loop=True)


def boards() -> list[tuple[int, frozenset[Pair]]]:
    """All of up to 4 people and many of 5 to 7."""
    rng = Random(4)
    small = [(size, forbidden) for size in (2, 3, 4) for forbidden in boards_up_to_relabelling(size)]
    sizes = [rng.choice((5, 6, 7)) for _ in range(400)]
    return small + [(size, random_forbidden(size, rng.uniform(0.1, 0.7), rng)) for size in sizes]


@pytest.mark.slow
@pytest.mark.parametrize("options", [NO_RECIPROCAL, SINGLE_LOOP, BOTH], ids=["no reciprocal", "loop", "both"])
def test_options_agree_with_brute_force(options: DrawOptions) -> None:
    rng = Random(6)
    for size, forbidden in boards():
        known = valid_draws(size, forbidden, options)
        told = verdict(range(size), forbidden, options=options)
        assert told.is_certain
        assert told.is_possible == bool(known)
        if known:
            result = draw(range(size), forbidden, rng, options=options)
            assert tuple(result.recipient_of[giver] for giver in range(size)) in known
        else:
            with pytest.raises(NoValidDraw) as caught:
                draw(range(size), forbidden, rng, options=options)
            assert not caught.value.verdict.is_possible


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [DrawOptions(), NO_RECIPROCAL, SINGLE_LOOP], ids=["none", "no reciprocal", "loop"]
)
def test_soft_pairs_are_dropped_only_as_far_as_needed(options: DrawOptions) -> None:
    rng = Random(8)
    for size, forbidden in boards():
        wishes = random_forbidden(size, 0.5, rng)
        known = valid_draws(size, forbidden, options)
        fewest = fewest_soft(known, wishes - forbidden)
        if known:
            result = draw(range(size), forbidden, rng, options=wishing(wishes, options))
            assert tuple(result.recipient_of[giver] for giver in range(size)) in known
            assert len(result.dropped_soft) == fewest
            told = verdict(range(size), forbidden, options=wishing(wishes, options))
            assert told.soft_pairs_needed == fewest


def fewest_soft(known: Iterable[tuple[int, ...]], wishes: frozenset[Pair]) -> int:
    return min((len(wishes.intersection(enumerate(recipients))) for recipients in known), default=0)


def wishing(wishes: Iterable[tuple[Hashable, Hashable]], options: DrawOptions = PLAIN) -> DrawOptions:
    return DrawOptions(options.no_reciprocal, options.single_loop, frozenset(wishes))


def test_with_soft_pairs_an_option_is_impossible_only_when_the_rules_forbid_it() -> None:
    wishes = {(0, 1), (1, 0)}
    with pytest.raises(NoValidDraw):
        draw(range(2), (), Random(1), options=wishing(wishes, NO_RECIPROCAL))
    assert not verdict(range(2), (), options=wishing(wishes, NO_RECIPROCAL)).is_possible


def test_where_the_kindest_draws_cannot_be_written_down_one_of_them_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cheapest, "MOST_SLACK_PAIRS", 3)
    result = draw(range(9), (), Random(2), options=wishing(households(6, 1, 1, 1)))
    assert result.method is Method.SEARCH
    assert len(result.dropped_soft) == 3


def test_loops_of_a_large_office_are_drawn_exactly() -> None:
    forbidden = households(*[10] * 6)
    result = draw(range(60), forbidden, Random(3), options=SINGLE_LOOP)
    assert result.method is Method.HUBER_LAW
    assert loop_length(tuple(result.recipient_of[giver] for giver in range(60))) == 60


def sparse_board(size: int, choices: int, rng: Random) -> set[Pair]:
    """Everybody may give to so many others and get from as many."""
    allowed: set[Pair] = set()
    while len(allowed) < size * choices:
        allowed |= draw(range(size), allowed, rng).recipient_of.items()
    return set(all_pairs(size)) - allowed


def test_a_single_loop_on_a_sparse_board_is_found_by_search() -> None:
    forbidden = sparse_board(50, 4, Random(50))
    result = draw(range(50), forbidden, Random(5), options=SINGLE_LOOP)
    assert result.method is Method.SEARCH
    assert not result.method.is_exact
    assert loop_length(tuple(result.recipient_of[giver] for giver in range(50))) == 50
    assert result.recipient_of.items().isdisjoint(forbidden)


def test_two_circles_without_a_bridge_are_no_loop() -> None:
    apart = {(a, b) for a, b in all_pairs(40) if (a < 20) != (b < 20)}
    with pytest.raises(NoValidDraw):
        draw(range(40), apart, Random(1), options=SINGLE_LOOP)
    assert not verdict(range(40), apart, options=SINGLE_LOOP).is_possible


def test_where_redrawing_fails_all_draws_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "MOST_REDRAWS", 1)
    case = cases()["sparse-3-of-8-0"]
    known = valid_draws(case.size, case.forbidden, NO_RECIPROCAL)
    methods = set()
    for seed in range(20):
        result = draw(range(case.size), case.forbidden, Random(seed), options=NO_RECIPROCAL)
        assert tuple(result.recipient_of[giver] for giver in range(case.size)) in known
        methods.add(result.method)
    assert methods == {Method.HUBER_LAW, Method.SUBSETS}


def test_where_there_are_too_many_to_list_one_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "MOST_REDRAWS", 1)
    monkeypatch.setattr(matching, "MOST_LISTED_DRAWS", 0)
    case = cases()["sparse-3-of-8-0"]
    methods = set()
    for seed in range(20):
        result = draw(range(case.size), case.forbidden, Random(seed), options=NO_RECIPROCAL)
        assert not has_reciprocal(tuple(result.recipient_of[giver] for giver in range(case.size)))
        methods.add(result.method)
    assert methods == {Method.HUBER_LAW, Method.SEARCH}


def test_a_search_that_gives_up_does_not_say_impossible(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (matching, explain):
        monkeypatch.setattr(module, "MOST_TRIES", 0)
    monkeypatch.setattr(matching, "MOST_REDRAWS", 0)
    monkeypatch.setattr(matching, "MOST_LISTED_DRAWS", 0)
    stuck = set(all_pairs(12)) - {(giver, giver ^ 1) for giver in range(12)}
    with pytest.raises(DrawNotFound):
        draw(range(12), stuck, Random(1), options=NO_RECIPROCAL)
    told = verdict(range(12), stuck, options=NO_RECIPROCAL)
    assert told.is_possible
    assert not told.is_certain


def test_the_search_proves_that_there_is_nothing_to_find() -> None:
    board = board_of(range(3), {(0, 1), (1, 2)})
    assert find(board, [2, 0, 1], NO_RECIPROCAL, most_tries=9).recipient_of == [2, 0, 1]
    pairs_only = board_of(range(4), {(0, 2), (0, 3), (1, 2), (1, 3), (2, 0), (2, 1), (3, 0), (3, 1)})
    found = find(pairs_only, [1, 0, 3, 2], NO_RECIPROCAL, most_tries=9)
    assert found.recipient_of is None
    assert found.is_proof


def test_the_fewest_soft_pairs_that_an_option_needs_are_found() -> None:
    board = board_of(range(4), ())
    wishes = [pair for pair in all_pairs(4) if pair not in {(0, 1), (1, 0), (2, 3), (3, 2)}]
    found = kindest_without_flaws(board, wishes, SINGLE_LOOP, most_tries=100)
    assert found.price == 2
    assert not kindest_without_flaws(board, wishes, SINGLE_LOOP, most_tries=0).is_proof


@pytest.mark.parametrize("tier", [Tier.REJECTION, Tier.HUBER_LAW, Tier.SUBSETS])
def test_a_tier_insisted_on_may_fail(tier: Tier) -> None:
    with pytest.raises(DrawNotFound):
        draw(range(60), all_but_steps(60, 1, 7, 24, 31), Random(1), tier=tier)


@pytest.mark.parametrize(
    ("tier", "method"),
    [
        (Tier.REJECTION, Method.REJECTION),
        (Tier.HUBER_LAW, Method.HUBER_LAW),
        (Tier.SUBSETS, Method.SUBSETS),
        (Tier.WORMS, Method.NEAR_UNIFORM),
    ],
)
def test_a_tier_insisted_on_is_used(tier: Tier, method: Method) -> None:
    assert draw(range(6), households(2, 2, 2), Random(1), tier=tier).method is method
