"""The statistics themselves: right on known values, and able to catch an unfair draw."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable
from random import Random

import pytest

from tests.draws.boards import cases, valid_draws
from tests.draws.fairness import assert_fair, chi_square_p, total_variation, upper_gamma


@pytest.mark.parametrize("x", [0.1, 0.5, 1.0, 2.0, 7.0, 30.0])
def test_upper_gamma_agrees_with_closed_forms(x: float) -> None:
    assert upper_gamma(1, x) == pytest.approx(math.exp(-x), rel=1e-12)
    assert upper_gamma(0.5, x) == pytest.approx(math.erfc(math.sqrt(x)), rel=1e-9)
    assert upper_gamma(3, x) == pytest.approx(math.exp(-x) * (1 + x + x * x / 2), rel=1e-12)


def test_upper_gamma_is_near_one_half_at_its_mean_for_many_degrees_of_freedom() -> None:
    assert upper_gamma(6_000, 6_000) == pytest.approx(0.5, abs=0.003)


def test_unseen_outcomes_count() -> None:
    counts: Counter[Hashable] = Counter({"a": 50, "b": 50})
    assert total_variation(counts, 2) == 0
    assert total_variation(counts, 4) == pytest.approx(0.5)
    assert chi_square_p(counts, 4) == pytest.approx(upper_gamma(1.5, 50))


@pytest.mark.slow
def test_a_hat_that_skips_forbidden_names_is_caught() -> None:
    """Each in turn takes a random allowed name that is left; all over again if stuck."""
    case = cases()["self-only-4"]
    rng = Random(4)

    def drawn() -> tuple[int, ...]:
        while True:
            recipients: list[int] = []
            for giver in range(case.size):
                left = [name for name in range(case.size) if name != giver and name not in recipients]
                if left:
                    recipients.append(rng.choice(left))
            if len(recipients) == case.size:
                return tuple(recipients)

    with pytest.raises(AssertionError):
        assert_fair(drawn, valid_draws(case.size, case.forbidden))
