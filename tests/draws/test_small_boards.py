"""Every board of up to 5 people and many of 6 and 7, against the truth found by looking at all draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from random import Random

import pytest

from sneaky.draws.explain import NoValidDraw, Verdict, verdict
from sneaky.draws.matching import draw
from tests.draws.boards import Pair, all_pairs, boards_up_to_relabelling, derangements, random_forbidden


@dataclass(frozen=True)
class Truth:
    """What all draws of a board tell: the pairs of each valid one, the fewest forbidden pairs in any."""

    valid: tuple[frozenset[Pair], ...]
    fewest_forbidden: int


@cache
def masks(size: int) -> tuple[dict[Pair, int], tuple[int, ...]]:
    """A bit for each pair, and each derangement as a mask of its pairs."""
    bit = {pair: 1 << index for index, pair in enumerate(all_pairs(size))}
    return bit, tuple(sum(bit[pair] for pair in enumerate(recipients)) for recipients in derangements(size))


def truth(size: int, forbidden: Iterable[Pair]) -> Truth:
    bit, everything = masks(size)
    barred = sum(bit[pair] for pair in forbidden)
    valid = tuple(
        frozenset(pair for pair, one in bit.items() if mask & one) for mask in everything if not mask & barred
    )
    return Truth(valid, min(((mask & barred).bit_count() for mask in everything), default=0))


def small_boards() -> Iterator[tuple[int, frozenset[Pair]]]:
    for size in range(1, 6):
        for forbidden in boards_up_to_relabelling(size):
            yield size, forbidden


def random_boards() -> Iterator[tuple[int, frozenset[Pair]]]:
    rng = Random(67)
    for _ in range(3_000):
        size = rng.choice((6, 7))
        yield size, random_forbidden(size, rng.uniform(0.2, 0.8), rng)


@pytest.mark.slow
@pytest.mark.parametrize("boards", [small_boards, random_boards])
def test_verdicts_and_draws_agree_with_brute_force(
    boards: Callable[[], Iterator[tuple[int, frozenset[Pair]]]],
) -> None:
    rng = Random(5)
    checked = 0
    for size, forbidden in boards():
        known = truth(size, forbidden)
        told = verdict(range(size), forbidden)
        assert told.is_certain
        assert told.is_possible == bool(known.valid)
        if known.valid:
            assert_guessable(told, known)
            drawn = frozenset(draw(range(size), forbidden, rng).recipient_of.items())
            assert drawn in known.valid
        else:
            assert_blocked(told, size, forbidden)
            assert_smallest_change(told, known, size, forbidden)
            with pytest.raises(NoValidDraw):
                draw(range(size), forbidden, rng)
        checked += 1
    assert checked == (9_846 if boards is small_boards else 3_000)


def assert_guessable(told: Verdict[int], known: Truth) -> None:
    assert told.forced_pairs == frozenset.intersection(*known.valid)
    choices: dict[int, set[int]] = {}
    for pairs in known.valid:
        for giver, recipient in pairs:
            choices.setdefault(giver, set()).add(recipient)
    assert told.thin_choices == {giver: found for giver, found in choices.items() if len(found) == 2}
    assert not told.blocking_givers | told.blocking_recipients | told.smallest_change


def assert_blocked(told: Verdict[int], size: int, forbidden: frozenset[Pair]) -> None:
    allowed = set(all_pairs(size)) - forbidden
    everybody = frozenset(range(size))
    assert len(told.blocking_givers) > len(told.allowed_recipients)
    assert told.allowed_recipients == {r for g, r in allowed if g in told.blocking_givers}
    assert told.blocking_recipients == everybody - told.allowed_recipients
    assert told.allowed_givers == everybody - told.blocking_givers
    assert told.allowed_givers >= {g for g, r in allowed if r in told.blocking_recipients}
    assert not told.forced_pairs


def assert_smallest_change(told: Verdict[int], known: Truth, size: int, forbidden: frozenset[Pair]) -> None:
    assert told.smallest_change <= forbidden
    if size > 1:
        assert len(told.smallest_change) == known.fewest_forbidden
        assert verdict(range(size), forbidden - told.smallest_change).is_possible
    else:
        assert told.smallest_change == frozenset()
