"""Boards to test on, and the plain truth about small ones by looking at every draw there is."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from pathlib import Path
from random import Random

from sneaky.draws.search import PLAIN, DrawOptions

Pair = tuple[int, int]


@dataclass(frozen=True)
class Case:
    """A board whose draws were counted elsewhere; `forced_pairs` is None where there are no draws."""

    name: str
    size: int
    forbidden: frozenset[Pair]
    valid_draws: int
    forced_pairs: frozenset[Pair] | None


def cases() -> dict[str, Case]:
    """The cases of draw_cases.json by name."""
    listed = json.loads((Path(__file__).parent / "draw_cases.json").read_text())["draws"]
    return {
        case["name"]: Case(
            case["name"],
            case["n"],
            pairs(case["forbidden"]),
            case["valid_draws"],
            None if case["forced_pairs"] is None else pairs(case["forced_pairs"]),
        )
        for case in listed
    }


def pairs(listed: Iterable[Iterable[int]]) -> frozenset[Pair]:
    return frozenset((giver, recipient) for giver, recipient in listed)


@cache
def derangements(size: int) -> tuple[tuple[int, ...], ...]:
    """All permutations that send nobody to themselves."""
    return tuple(
        recipients
        for recipients in permutations(range(size))
        if all(giver != recipient for giver, recipient in enumerate(recipients))
    )


def valid_draws(
    size: int, forbidden: Collection[Pair], options: DrawOptions = PLAIN
) -> list[tuple[int, ...]]:
    """All draws that keep the rules and the options (soft pairs aside), by trying every derangement."""
    return [
        recipients
        for recipients in derangements(size)
        if not any((giver, recipient) in forbidden for giver, recipient in enumerate(recipients))
        and not (options.no_reciprocal and has_reciprocal(recipients))
        and not (options.single_loop and loop_length(recipients) < size)
    ]


def has_reciprocal(recipients: tuple[int, ...]) -> bool:
    return any(recipients[recipient] == giver for giver, recipient in enumerate(recipients))


def loop_length(recipients: tuple[int, ...]) -> int:
    """How many gifts it takes from person 0 back to person 0."""
    person, steps = recipients[0], 1
    while person:
        person, steps = recipients[person], steps + 1
    return steps


def all_pairs(size: int) -> list[Pair]:
    """Every (giver, recipient) pair of two different people."""
    return [(giver, recipient) for giver in range(size) for recipient in range(size) if giver != recipient]


def random_forbidden(size: int, density: float, rng: Random) -> frozenset[Pair]:
    """Each pair is forbidden with chance `density`."""
    return frozenset(pair for pair in all_pairs(size) if rng.random() < density)


def all_but_steps(size: int, *steps: int) -> frozenset[Pair]:
    """People sit in a circle, and each may give only to those so many seats further on."""
    return frozenset((a, b) for a, b in all_pairs(size) if (b - a) % size not in steps)


def households(*sizes: int) -> frozenset[Pair]:
    """Nobody gives within their household; people are numbered household by household."""
    home = [index for index, size in enumerate(sizes) for _ in range(size)]
    return frozenset((a, b) for a, b in all_pairs(len(home)) if home[a] == home[b])


def boards_up_to_relabelling(size: int) -> Iterator[frozenset[Pair]]:
    """One set of forbidden pairs out of each class of those that differ by the people's names only.

    A set is a bit mask over `all_pairs`. Each mask not seen yet is a new class, and all its renamings are
    marked as seen; renaming goes by two table look-ups, one for each half of the mask.
    """
    arcs = all_pairs(size)
    place = {pair: index for index, pair in enumerate(arcs)}
    half = (len(arcs) + 1) // 2
    renamings = [[place[names[a], names[b]] for a, b in arcs] for names in permutations(range(size))]
    tables = [(_images(moved[:half]), _images(moved[half:])) for moved in renamings]
    seen = bytearray(1 << len(arcs))
    mask = 0
    while mask >= 0:
        low, high = mask & ((1 << half) - 1), mask >> half
        for low_table, high_table in tables:
            seen[low_table[low] | high_table[high]] = 1
        yield frozenset(arc for index, arc in enumerate(arcs) if mask >> index & 1)
        mask = seen.find(0, mask)


def _images(moved: list[int]) -> list[int]:
    """For each set of the first places, as a mask, the mask of the places they move to."""
    images = [0]
    for target in moved:
        images += [image | 1 << target for image in images]
    return images
