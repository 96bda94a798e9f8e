"""The listed cases: whether there is a draw, how many, and which pairs are in all of them."""

from __future__ import annotations

from random import Random

import pytest

from sneaky.draws.board import board_of
from sneaky.draws.explain import NoValidDraw, verdict
from sneaky.draws.matching import draw
from sneaky.draws.perfect import blocked_reach, largest_matching
from sneaky.draws.subsets import SubsetTable
from tests.draws.boards import Case, cases, valid_draws

CASES = pytest.mark.parametrize("case", cases().values(), ids=lambda case: case.name)


@CASES
def test_verdict_and_forced_pairs_are_exact(case: Case) -> None:
    told = verdict(range(case.size), case.forbidden)
    assert told.is_possible == (case.valid_draws > 0)
    assert told.forced_pairs == (case.forced_pairs or frozenset())


@CASES
def test_all_draws_are_counted_and_listed(case: Case) -> None:
    table = SubsetTable.of(board_of(range(case.size), case.forbidden))
    assert table is not None
    assert table.total == case.valid_draws
    if case.size <= 8:
        listed = [tuple(recipients) for recipients in table.draws()]
        assert sorted(listed) == sorted(valid_draws(case.size, case.forbidden))


@CASES
def test_a_draw_is_valid_or_proved_impossible(case: Case) -> None:
    if case.valid_draws:
        result = draw(range(case.size), case.forbidden, Random(case.name))
        assert sorted(result.recipient_of) == sorted(result.recipient_of.values()) == list(range(case.size))
        assert result.recipient_of.items().isdisjoint(case.forbidden)
        assert result.method.is_exact
        assert result.dropped_soft == frozenset()
    else:
        with pytest.raises(NoValidDraw) as caught:
            draw(range(case.size), case.forbidden, Random(case.name))
        assert caught.value.verdict == verdict(range(case.size), case.forbidden)


@CASES
def test_a_group_reached_from_a_free_giver_has_no_smaller_proof_in_it(case: Case) -> None:
    board = board_of(range(case.size), case.forbidden)
    matching = largest_matching(board)
    for start in matching.free_givers:
        givers, recipients = blocked_reach(board, matching, start)
        assert recipients == frozenset().union(*(board.allowed(giver) for giver in givers))
        assert len(givers) == len(recipients) + 1
        for left_out in givers:
            rest = givers - {left_out}
            assert not verdict_blocks(rest, [frozenset(board.allowed(giver)) for giver in rest])


def verdict_blocks(givers: frozenset[int], choices: list[frozenset[int]]) -> bool:
    """Whether these givers have fewer recipients to choose from than they are."""
    return len(frozenset().union(*choices)) < len(givers)
