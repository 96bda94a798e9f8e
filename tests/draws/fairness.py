"""Statistics that tell a fair draw from an unfair one.

`python -m tests.draws.fairness` simulates the table of quantiles anew, which takes some minutes; with
numbers of outcomes after it, only those.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from functools import cache
from pathlib import Path
from random import Random

from tests.faults.processes import rounds

TABLE = Path(__file__).parent / "perfect_sampler.json"
DRAWS = 20_000
# The daily run is content with a quarter of them, where that still expects each outcome often enough.
FEW_DRAWS, FEW_OUTCOMES = rounds(DRAWS, DRAWS, quick=DRAWS // 4), 500
LEAST_P = 0.001


@cache
def quantiles() -> dict[int, float]:
    """By number of outcomes: what the total variation of `DRAWS` fair draws exceeds once in 1,000."""
    return {int(outcomes): quantile for outcomes, quantile in json.loads(TABLE.read_text()).items()}


def total_variation(counts: Counter[Hashable], outcomes: int) -> float:
    """Half the sum of |share - 1 / outcomes| over all outcomes, those never seen included."""
    total = counts.total()
    seen = sum(abs(count / total - 1 / outcomes) for count in counts.values())
    return (seen + (outcomes - len(counts)) / outcomes) / 2


def chi_square_p(counts: Counter[Hashable], outcomes: int) -> float:
    """The chance that fair draws look at least as uneven as these, by Pearson's chi-square."""
    expected = counts.total() / outcomes
    statistic = sum((count - expected) ** 2 for count in counts.values()) / expected
    statistic += (outcomes - len(counts)) * expected
    return upper_gamma((outcomes - 1) / 2, statistic / 2)


def upper_gamma(a: float, x: float) -> float:
    """The regularised upper incomplete gamma function Q(a, x), for a, x > 0."""
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        n = a
        while term > total * 1e-15:
            n += 1
            term *= x / n
            total += term
        return 1 - front * total
    return front / _continued_fraction(a, x)


def _continued_fraction(a: float, x: float) -> float:
    """The fraction x + 1 - a - 1(1-a) / (x + 3 - a - 2(2-a) / …) by Lentz's method."""
    b = x + 1 - a
    value, c, d = b, b, 0.0
    step, change = 0, 0.0
    while abs(change - 1) > 1e-15:
        step += 1
        b += 2
        numerator = -step * (step - a)
        d = 1 / (b + numerator * d)
        c = b + numerator / c
        change = c * d
        value *= change
    return value


def assert_fair(draw: Callable[[], Hashable], outcomes: Iterable[Hashable]) -> None:
    """Draw `DRAWS` times: every outcome must be known, and none seem more likely than another."""
    known = frozenset(outcomes)
    draws = FEW_DRAWS if len(known) <= FEW_OUTCOMES else DRAWS
    counts = Counter(draw() for _ in range(draws))
    assert counts.keys() <= known
    assert chi_square_p(counts, len(known)) > LEAST_P
    # The variation of fair draws falls with the root of their number.
    assert total_variation(counts, len(known)) < quantiles()[len(known)] * math.sqrt(DRAWS / draws)


def simulated(outcomes: int, rounds: int, rng: Random) -> list[float]:
    """The total variation of `DRAWS` perfectly fair draws, in each of so many rounds, in rising order."""
    possible = range(outcomes)
    return sorted(total_variation(Counter(rng.choices(possible, k=DRAWS)), outcomes) for _ in range(rounds))


def main() -> None:
    """Simulate the entries for the numbers of outcomes on the command line, or all that are in the table."""
    table = dict(quantiles())
    for outcomes in map(int, sys.argv[1:] or table):
        rounds = 10_000 if outcomes < 1_000 else 3_000
        table[outcomes] = round(simulated(outcomes, rounds, Random(outcomes))[-rounds // 1_000], 6)
    TABLE.write_text(json.dumps(dict(sorted(table.items())), indent=1) + "\n")


if __name__ == "__main__":
    main()
