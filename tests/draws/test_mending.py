"""Mended draws: as few people as possible get a new recipient, whatever leaves, joins or is forbidden."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass, replace
from random import Random

import pytest

from sneaky.core.errors import RuleBroken
from sneaky.draws import cheapest, damage, mending
from sneaky.draws.explain import DrawNotFound, NoValidDraw
from sneaky.draws.matching import draw
from sneaky.draws.mending import Mending, damage_to, plan, rescue, volunteers_who_may, would_tell
from sneaky.draws.search import PLAIN, DrawOptions
from sneaky.draws.tiers import Method
from tests.draws.boards import Pair, random_forbidden, valid_draws
from tests.draws.fairness import assert_fair

Price = tuple[int, int, int]


@dataclass(frozen=True)
class Accident:
    """A drawn exchange of the people 0, 1, … and what happens to it; who joins has the next numbers."""

    recipient_of: dict[int, int]
    leaving: frozenset[int] = frozenset()
    joining: tuple[int, ...] = ()
    forbidden: frozenset[Pair] = frozenset()
    opened: frozenset[int] = frozenset()
    options: DrawOptions = PLAIN

    def plan(self, rng: Random) -> Mending[int]:
        return plan(
            self.recipient_of,
            leaving=self.leaving,
            joining=self.joining,
            forbidden=self.forbidden,
            opened=self.opened,
            rng=rng,
            options=self.options,
        )

    def price(self, after: dict[int, int]) -> Price:
        """Changed givers, of them those who had opened their match, and new soft pairs."""
        stayed = [giver for giver in self.recipient_of if giver in after]
        changed = [giver for giver in stayed if after[giver] != self.recipient_of[giver]]
        new_pairs = after.items() - self.recipient_of.items()
        return (
            len(changed),
            len(self.opened.intersection(changed)),
            len(self.options.soft_forbidden & new_pairs),
        )

    def cheapest(self) -> list[dict[int, int]]:
        """All ways to mend at the least price, by looking at every draw of the people who are left."""
        people = sorted((self.recipient_of.keys() - self.leaving).union(self.joining))
        number = {person: index for index, person in enumerate(people)}
        barred = {(number[a], number[b]) for a, b in self.forbidden if a in number and b in number}
        ways = [
            {people[giver]: people[recipient] for giver, recipient in enumerate(recipients)}
            for recipients in valid_draws(len(people), barred, self.options)
        ]
        least = min(map(self.price, ways), default=(0, 0, 0))
        return [way for way in ways if self.price(way) == least]


def ring(size: int) -> dict[int, int]:
    return {giver: (giver + 1) % size for giver in range(size)}


def random_accidents(count: int, seed: int, *, largest: int = 7) -> list[Accident]:
    """Valid draws of which people leave and join; sometimes new rules and soft pairs come with it."""
    rng = Random(seed)
    accidents: list[Accident] = []
    while len(accidents) < count:
        size = rng.randrange(2, largest + 1)
        forbidden = random_forbidden(size, rng.uniform(0, 0.5), rng)
        known = valid_draws(size, forbidden)
        joined = rng.randrange(0, min(3, largest + 1 - size) + 1)
        leaving = frozenset(rng.sample(range(size), rng.randrange(0, min(size, 3))))
        if not known or size + joined - len(leaving) > largest:
            continue
        everybody = size + joined
        rules = {pair for pair in random_forbidden(everybody, rng.uniform(0, 0.5), rng) if max(pair) >= size}
        if rng.random() < 0.3:
            rules |= random_forbidden(everybody, 0.1, rng)
        soft = random_forbidden(everybody, 0.3, rng) if rng.random() < 0.3 else frozenset()
        accidents.append(
            Accident(
                recipient_of=dict(enumerate(rng.choice(known))),
                leaving=leaving,
                joining=tuple(range(size, everybody)),
                forbidden=forbidden | rules,
                opened=frozenset(person for person in range(size) if rng.random() < 0.4),
                options=DrawOptions(soft_forbidden=frozenset[tuple[Hashable, Hashable]](soft)),
            )
        )
    return accidents


def assert_cheapest(accident: Accident, rng: Random) -> None:
    ways = accident.cheapest()
    if not ways:
        with pytest.raises(NoValidDraw) as caught:
            accident.plan(rng)
        assert not caught.value.verdict.is_possible
        return
    mended = accident.plan(rng)
    assert mended.recipient_of in ways
    price = accident.price(mended.recipient_of)
    assert (len(mended.changed_givers), len(mended.changed_opened)) == price[:2]
    assert all(mended.recipient_of[g] != accident.recipient_of[g] for g in mended.changed_givers)
    assert mended.changed_opened == mended.changed_givers & accident.opened
    assert mended.newcomers == frozenset(accident.joining)


@pytest.mark.slow
def test_mendings_agree_with_brute_force() -> None:
    rng = Random(1)
    for accident in random_accidents(1_500, seed=2):
        assert_cheapest(accident, rng)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [DrawOptions(no_reciprocal=True), DrawOptions(single_loop=True)], ids=["no reciprocal", "loop"]
)
def test_mendings_keep_the_options_too(options: DrawOptions) -> None:
    rng = Random(3)
    for accident in random_accidents(400, seed=4, largest=6):
        soft = accident.options.soft_forbidden
        assert_cheapest(replace(accident, options=replace(options, soft_forbidden=soft)), rng)


def test_who_gave_to_somebody_who_left_gets_their_recipient() -> None:
    mended = Accident(ring(6), leaving=frozenset({2})).plan(Random(1))
    assert mended.recipient_of == {0: 1, 1: 3, 3: 4, 4: 5, 5: 0}
    assert mended.changed_givers == {1}


def test_half_of_a_reciprocal_pair_leaves() -> None:
    """0 and 1 gave to each other; now 0 would have to give to themselves, so one more recipient changes."""
    accident = Accident({0: 1, 1: 0, 2: 3, 3: 4, 4: 2}, leaving=frozenset({1}), opened=frozenset({2, 3}))
    mended = accident.plan(Random(1))
    assert mended.changed_givers == {0, 4}
    assert mended.changed_opened == frozenset()
    assert mended.recipient_of == {0: 2, 4: 0, 2: 3, 3: 4}


def test_two_newcomers_may_give_to_each_other_unless_an_option_forbids_it() -> None:
    pair = Accident(ring(4), joining=(4, 5))
    assert pair.plan(Random(1)).changed_givers == frozenset()
    looped = replace(pair, options=DrawOptions(no_reciprocal=True)).plan(Random(1))
    assert len(looped.changed_givers) == 1


def test_a_present_pair_that_becomes_forbidden_is_changed() -> None:
    mended = Accident(ring(6), forbidden=frozenset({(0, 1)})).plan(Random(1))
    assert mended.recipient_of[0] != 1
    assert len(mended.changed_givers) == 2


def test_nothing_changes_when_nothing_happened() -> None:
    mended = Accident(ring(6), forbidden=frozenset({(0, 3)})).plan(Random(1))
    assert mended.recipient_of == ring(6)
    assert mended.changed_givers == frozenset()


def test_when_everybody_leaves_nobody_is_left() -> None:
    assert Accident(ring(3), leaving=frozenset({0, 1, 2})).plan(Random(1)).recipient_of == {}


def test_the_last_one_left_has_nobody_to_give_to() -> None:
    with pytest.raises(NoValidDraw):
        Accident(ring(3), leaving=frozenset({0, 1})).plan(Random(1))


def test_an_option_that_cannot_be_kept_is_impossible_only_if_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    accident = Accident(ring(3), leaving=frozenset({0}), options=DrawOptions(no_reciprocal=True))
    with pytest.raises(NoValidDraw):
        accident.plan(Random(1))
    monkeypatch.setattr(mending, "MOST_TRIES", 0)
    with pytest.raises(DrawNotFound):
        accident.plan(Random(1))


FAIR = {
    "one joins, half have opened": Accident(ring(6), joining=(6,), opened=frozenset({0, 1, 2})),
    "two of one household join": Accident(ring(5), joining=(5, 6), forbidden=frozenset({(5, 6), (6, 5)})),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAIR)
def test_every_cheapest_mending_is_equally_likely(name: str) -> None:
    rng = Random(name)
    ways = [tuple(sorted(way.items())) for way in FAIR[name].cheapest()]

    def mended() -> tuple[Pair, ...]:
        outcome = FAIR[name].plan(rng)
        assert outcome.method.is_exact
        return tuple(sorted(outcome.recipient_of.items()))

    assert_fair(mended, ways)


@pytest.mark.slow
def test_the_board_of_the_cheapest_holds_just_the_cheapest_mendings() -> None:
    for accident in random_accidents(300, seed=5, largest=6):
        people = sorted((accident.recipient_of.keys() - accident.leaving).union(accident.joining))
        broken = damage_to(
            people, accident.recipient_of, accident.forbidden, accident.opened, accident.options
        )
        assignment = broken.assignment()
        if assignment.complete():
            board = assignment.board_of_cheapest()
            assert board is not None
            barred = {(giver, recipient) for giver, row in enumerate(board.barred) for recipient in row}
            ways = [
                {people[giver]: people[recipient] for giver, recipient in enumerate(recipients)}
                for recipients in valid_draws(len(people), barred)
            ]
            assert ways == accident.cheapest()


def test_where_proposals_fail_the_board_of_the_cheapest_is_drawn_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(damage, "MOST_PROPOSALS", 0)
    accident = FAIR["two of one household join"]
    mended = [accident.plan(Random(seed)) for seed in range(100)]
    assert {outcome.method for outcome in mended} <= {Method.HUBER_LAW, Method.SUBSETS, Method.REJECTION}
    assert all(outcome.recipient_of in accident.cheapest() for outcome in mended)


def test_where_nothing_exact_is_left_the_mending_found_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(damage, "MOST_PROPOSALS", 0)
    monkeypatch.setattr(cheapest, "MOST_SLACK_PAIRS", 0)
    mended = FAIR["two of one household join"].plan(Random(1))
    assert mended.method is Method.SEARCH
    assert mended.recipient_of in FAIR["two of one household join"].cheapest()


@pytest.mark.slow
def test_thousands_are_mended_without_changing_more_than_needed() -> None:
    rng = Random(10)
    people = range(3_000)
    forbidden = {(a, b) for a in people for b in range(a // 4 * 4, a // 4 * 4 + 4) if a != b}
    drawn = draw(people, forbidden, rng).recipient_of
    mended = plan(drawn, leaving=[5, 600, 2_000], joining=[3_000], forbidden=forbidden, opened=[], rng=rng)
    assert len(mended.changed_givers) <= 3
    assert mended.method is Method.REJECTION
    assert mended.recipient_of.items().isdisjoint(forbidden)


@pytest.mark.parametrize(
    ("recipient_of", "leaving", "joining"),
    [({0: 1, 1: 1}, (), ()), ({0: 1, 1: 0}, (2,), ()), ({0: 1, 1: 0}, (), (1,))],
)
def test_what_makes_no_sense_is_refused(
    recipient_of: dict[int, int], leaving: Collection[int], joining: Collection[int]
) -> None:
    with pytest.raises(ValueError, match="draw"):
        plan(recipient_of, leaving=leaving, joining=joining, forbidden=(), opened=(), rng=Random(1))


def test_a_volunteer_takes_over_for_a_no_show() -> None:
    """4 does not show up and was to give to 0; 1 may not give to 0, and nobody gives to themselves."""
    forbidden = {(1, 0), (2, 1)}
    may = volunteers_who_may(ring(5), no_show=4, willing=[0, 1, 2, 3, 4], forbidden=forbidden)
    assert may == {2, 3}
    chosen = {
        rescue(ring(5), no_show=4, willing=[0, 1, 2, 3, 4], forbidden=forbidden, rng=Random(s))
        for s in range(20)
    }
    assert chosen == {2, 3}


def test_without_a_volunteer_who_may_there_is_no_rescue() -> None:
    with pytest.raises(RuleBroken, match="Ask somebody else"):
        rescue(ring(5), no_show=4, willing=[0, 1], forbidden={(1, 0)}, rng=Random(1))


@pytest.mark.parametrize(
    ("forbidden", "tells"),
    [
        (set(), False),
        ({(1, 2), (2, 1)}, True),  # a couple: a refusal would mean one of them
        ({(4, 2), (4, 1), (1, 2), (2, 1)}, False),  # it cannot be one of them
        ({(0, 3), (1, 3), (2, 3)}, False),  # nobody else could help either
    ],
)
def test_volunteers_would_tell_if_they_leave_somebody_out(
    forbidden: set[tuple[int, int]], tells: bool
) -> None:
    assert would_tell(range(5), no_show=4, willing={1, 2}, forbidden=forbidden) is tells


def test_a_volunteer_named_twice_has_no_better_chance() -> None:
    rng = Random(1)
    counts = [
        rescue(ring(5), no_show=4, willing=[2, 2, 2, 3], forbidden=(), rng=rng) for _ in range(400)
    ].count(2)
    assert 150 < counts < 250
