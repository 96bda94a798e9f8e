"""The worm chain: its balance and its mixing, worked out exactly on small boards."""

from __future__ import annotations

from random import Random

import pytest

from sneaky.draws import worms
from sneaky.draws.board import Board, board_of
from sneaky.draws.worms import Worms, worms_for
from tests.draws.boards import all_but_steps, cases, households, valid_draws

Draw = tuple[int, ...]
BOARDS = {
    "self-only-4": board_of(range(4), ()),
    "couples-and-last-year": board_of(range(6), cases()["couples-and-last-year"].forbidden),
    "one ring or the other": board_of(range(8), all_but_steps(8, 1, 2)),
}


def draws_of(board: Board) -> list[Draw]:
    forbidden = {(giver, recipient) for giver, row in enumerate(board.barred) for recipient in row}
    return valid_draws(board.size, forbidden)


def law_of_one_worm(board: Board, start: Draw, most_steps: int) -> dict[Draw, float]:
    """The chance of each draw after one worm from `start`, followed along all ways it can take."""
    after: dict[Draw, float] = {}
    walking: dict[tuple[int, int, Draw], float] = {
        (giver, start[giver], start): 1 / board.size for giver in range(board.size)
    }
    for _ in range(most_steps):
        onward: dict[tuple[int, int, Draw], float] = {}
        for (giver, free, recipients), chance in walking.items():
            choices = board.allowed(giver)
            for recipient in choices:
                moved = (*recipients[:giver], recipient, *recipients[giver + 1 :])
                if recipient == free:
                    after[moved] = after.get(moved, 0) + chance / len(choices)
                else:
                    holder = next(g for g, r in enumerate(recipients) if r == recipient and g != giver)
                    state = (holder, free, moved)
                    onward[state] = onward.get(state, 0) + chance / len(choices)
        walking = onward
    after[start] = after.get(start, 0) + sum(walking.values())
    return after


@pytest.mark.slow
@pytest.mark.parametrize("most_steps", [3, 8, 60])
@pytest.mark.parametrize("name", ["self-only-4", "couples-and-last-year"])
def test_a_worm_is_as_likely_back_as_forth(name: str, most_steps: int) -> None:
    """So no draw is favoured in the long run, wherever worms are cut off."""
    board = BOARDS[name]
    laws = {start: law_of_one_worm(board, start, most_steps) for start in draws_of(board)}
    for start, law in laws.items():
        assert sum(law.values()) == pytest.approx(1)
        for end, chance in law.items():
            assert laws[end].get(start, 0) == pytest.approx(chance, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", BOARDS)
def test_the_number_of_worms_suffices_on_small_boards(name: str) -> None:
    """From the worst start, the total variation from uniform after all worms is below one in 100,000."""
    board = BOARDS[name]
    laws = {start: law_of_one_worm(board, start, 6 * board.size) for start in draws_of(board)}
    worst = 0.0
    for start in laws:
        chances = {start: 1.0}
        for _ in range(worms_for(board.size)):
            onward: dict[Draw, float] = {}
            for draw, chance in chances.items():
                for end, step in laws[draw].items():
                    onward[end] = onward.get(end, 0) + chance * step
            chances = onward
        worst = max(worst, sum(abs(chances.get(draw, 0) - 1 / len(laws)) for draw in laws) / 2)
    assert worst < 1e-5


@pytest.mark.slow
def test_one_worm_follows_its_law(monkeypatch: pytest.MonkeyPatch) -> None:
    board = BOARDS["couples-and-last-year"]
    monkeypatch.setattr(worms, "worms_for", lambda size: 1)
    start = draws_of(board)[0]
    chain, rng, runs = Worms(board, list(start)), Random(1), 20_000
    counts: dict[Draw, int] = {}
    for _ in range(runs):
        end = tuple(chain.attempt(rng))
        counts[end] = counts.get(end, 0) + 1
    law = law_of_one_worm(board, start, 16 * board.size)
    for end, chance in law.items():
        assert abs(counts.get(end, 0) - runs * chance) < 5 * (runs * chance) ** 0.5 + 1


def test_a_worm_that_grows_too_long_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worms, "STEPS_PER_PERSON", 0)
    start = [2, 3, 4, 5, 0, 1]
    assert Worms(board_of(range(6), households(2, 2, 2)), start).attempt(Random(1)) == start


def test_more_people_get_more_worms() -> None:
    assert worms_for(1) == worms_for(2) == 46
    assert worms_for(200) == 84
