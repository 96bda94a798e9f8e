"""A hundred thousand draws on random boards with random options: none may break a rule; fewer day by day."""

from __future__ import annotations

from collections.abc import Hashable
from random import Random

import pytest

from sneaky.draws.matching import DrawNotFound, DrawOptions, DrawResult, NoValidDraw, draw
from tests.draws.boards import has_reciprocal, loop_length, random_forbidden
from tests.faults.processes import rounds

DRAWS_PER_SEED = rounds(25_000, 25_000, quick=6_250)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_no_draw_on_a_random_board_is_invalid(seed: int) -> None:
    rng = Random(seed)
    drawn = impossible = 0
    while drawn < DRAWS_PER_SEED:
        size = rng.randrange(2, 12)
        forbidden = random_forbidden(size, rng.uniform(0, 0.6), rng)
        options = random_options(size, rng)
        for _ in range(25):
            try:
                result = draw(range(size), forbidden, rng, options=options)
            except NoValidDraw:
                impossible += 1
                break
            assert_keeps_rules(result, size, forbidden, options)
            drawn += 1
    assert impossible > 100 * DRAWS_PER_SEED / 25_000


def random_options(size: int, rng: Random) -> DrawOptions:
    """Mostly none; now and then one of the hard ones, now and then soft pairs."""
    soft = random_forbidden(size, 0.2, rng) if rng.random() < 0.2 else frozenset()
    kind = rng.random()
    return DrawOptions(
        no_reciprocal=0.1 < kind < 0.2,
        single_loop=kind < 0.1,
        soft_forbidden=frozenset[tuple[Hashable, Hashable]](soft),
    )


def assert_keeps_rules(
    result: DrawResult[int], size: int, forbidden: frozenset[tuple[int, int]], options: DrawOptions
) -> None:
    recipients = tuple(result.recipient_of[giver] for giver in range(size))
    assert sorted(recipients) == list(range(size))
    assert all(giver != recipient for giver, recipient in enumerate(recipients))
    assert forbidden.isdisjoint(enumerate(recipients))
    assert not (options.no_reciprocal and has_reciprocal(recipients))
    assert not options.single_loop or loop_length(recipients) == size
    assert result.dropped_soft == options.soft_forbidden & set(enumerate(recipients))
    assert result.attempts >= 0


@pytest.mark.parametrize("size", [0, 1, 2])
def test_the_smallest_exchanges(size: int) -> None:
    people = ["Ann", "Bob"][:size]
    if size == 1:
        with pytest.raises(NoValidDraw):
            draw(people, (), Random(1))
        return
    result = draw(people, (), Random(1), options=DrawOptions(single_loop=True))
    assert result.recipient_of == {"Ann": "Bob", "Bob": "Ann"} if size else result.recipient_of == {}


def test_nobody_is_listed_twice() -> None:
    with pytest.raises(ValueError, match="listed twice"):
        draw(["Ann", "Ann"], (), Random(1))


def test_pairs_that_name_somebody_else_do_not_matter() -> None:
    result = draw(["Ann", "Bob"], {("Ann", "Zoe"), ("Zoe", "Bob")}, Random(1))
    assert result.recipient_of == {"Ann": "Bob", "Bob": "Ann"}


def test_equal_chance_gives_equal_draws() -> None:
    people = [f"person {number}" for number in range(40)]
    draws = [draw(people, (), Random(7)) for _ in range(2)]
    assert draws[0] == draws[1]
    assert list(draws[0].recipient_of) == list(draws[1].recipient_of)


def test_not_found_is_not_called_impossible() -> None:
    assert not issubclass(DrawNotFound, NoValidDraw)
    assert not issubclass(NoValidDraw, DrawNotFound)
