"""The draw: speed against the own matching, and failures, bias and speed beside the usual ways to draw."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from random import Random, SystemRandom

from bench.harness import Parts, Row, at_most, seconds
from bench.instance import instance
from bench.peers import Peer, backtracking, sequential_hat, shuffle_and_retry
from sneaky.draws.board import Board, board_of
from sneaky.draws.matching import DrawOptions, DrawResult, draw
from sneaky.draws.perfect import Matching, blocked_reach, largest_matching
from sneaky.draws.search import PLAIN
from sneaky.draws.subsets import SubsetTable
from sneaky.draws.tiers import WholeDraw
from sneaky.exchanges.name_lists import PreviewRow, add_many
from sneaky.jobs import draw_names
from sneaky.outbox import queue
from tests import factories

Pairs = set[tuple[int, int]]
PEERS: tuple[Peer, ...] = (shuffle_and_retry, sequential_hat, backtracking)
CHANCE = SystemRandom()


def households(size: int, people: int) -> Pairs:
    """Nobody gives within their household, or department, of `size`."""
    homes = [range(first, first + size) for first in range(0, people, size)]
    return {(a, b) for home in homes for a in home for b in home if a != b}


def few_choices(people: int, choices: int, rng: Random) -> Pairs:
    """Everybody may give to just so many, and get from as many."""
    allowed: Pairs = set()
    for _ in range(choices):
        allowed |= draw(range(people), allowed, rng).recipient_of.items()
    return {(a, b) for a in range(people) for b in range(people) if a != b} - allowed


def families_with_two_years(people: int) -> Pairs:
    """Families of four, and nobody gets again whom they had in one of two earlier years."""
    forbidden = households(4, people)
    for _ in range(2):
        forbidden |= draw(range(people), forbidden, CHANCE).recipient_of.items()
    return forbidden


def mean_seconds(action: Callable[[], object], rounds: int) -> float:
    """Mean seconds of processor time; the wall clock would count what else the machine does."""
    start = time.process_time()
    for _ in range(rounds):
        action()
    return (time.process_time() - start) / rounds


def drawing(people: int, forbidden: Pairs, options: DrawOptions = PLAIN) -> Callable[[], DrawResult[int]]:
    """A whole draw, from the pairs on, ready to be called."""
    return lambda: draw(range(people), forbidden, CHANCE, options=options)


def matching_on(board: Board) -> Callable[[], Matching]:
    """Finding one matching on the ready board, ready to be called."""
    return lambda: largest_matching(board)


def _against_matching() -> Iterator[Row]:
    """Mean draws from the pairs on, against finding one matching on the ready board."""
    for metric, people, forbidden, limit, rounds in (
        ("draw, office of 200 in 8 departments", 200, households(25, 200), 60, 20),
        ("draw, 10,000 in families of 4 + two years", 10_000, families_with_two_years(10_000), 40, 5),
        ("draw, 3 allowed each, n = 30", 30, few_choices(30, 3, Random(30)), 100, 20),
    ):
        whole = drawing(people, forbidden)
        matching = mean_seconds(matching_on(board_of(range(people), forbidden)), 10 * rounds)
        mean = mean_seconds(whole, rounds)
        note = f"{whole().method}, {mean * 1000:.3g} ms"
        yield at_most(limit, mean / matching, metric=metric, against="own matching", note=note)
    slowest = max(seconds(drawing(10_000, families_with_two_years(10_000))) for _ in range(5))
    yield at_most(5, slowest, metric="draw, 10,000 participants", against="wall time", unit=" s")


def _whole_run() -> Iterator[Row]:
    """The draw as the clock runs it: names drawn, matches sealed, letters and reminders queued."""
    people = [PreviewRow(f"P {n}", f"p{n}@example.org", f"Home {n // 4}") for n in range(10_000)]
    with instance():
        exchange_id = factories.an_exchange()
        add_many(exchange_id, people)
        taken = seconds(lambda: draw_names(exchange_id, 0))
        note = f"{queue.counts().queued:,} letters queued"
    yield at_most(5, taken, metric="whole run of a draw, 10,000", against="wall time", unit=" s", note=note)


def _proof_and_loop() -> Iterator[Row]:
    """A proof that three people have just two recipients; and one single loop."""
    possible = board_of(range(10_000), families_with_two_years(10_000))
    two = {5_000, 5_001}
    impossible = possible.also_barring(
        (giver, r) for giver in range(3) for r in range(10_000) if r not in two
    )

    def prove() -> None:
        matching = largest_matching(impossible)
        blocked_reach(impossible, matching, matching.free_givers[0])

    measured = mean_seconds(prove, 10) / mean_seconds(matching_on(possible), 10)
    yield at_most(6, measured, metric="proof of impossibility, n = 10,000", against="a feasible matching")
    office = households(25, 200)
    looped = mean_seconds(drawing(200, office, DrawOptions(single_loop=True)), 20)
    plain = mean_seconds(drawing(200, office), 20)
    yield at_most(60, looped / plain, metric="single loop, office of 200 in 8", against="plain draw")


def _import_cost() -> Iterator[Row]:
    """Traced memory that the draw adds to a process that has Flask and the errors of the house already."""
    code = (
        "import tracemalloc, flask, sneaky.core.errors; tracemalloc.start();"
        "import sneaky.draws.matching, sneaky.draws.explain, sneaky.draws.mending;"
        "print(tracemalloc.get_traced_memory()[0] / 2**20)"
    )
    checkout = Path(__file__).parents[1]
    cost = float(subprocess.check_output([sys.executable, "-c", code], cwd=checkout))
    yield at_most(1, cost, metric="draw modules", against="import cost", unit=" MiB")


def _failures() -> Iterator[Row]:
    """How often no draw is found on boards that have one: everybody may give to 3 of 12."""
    rng = Random(12)
    boards = [board_of(range(12), few_choices(12, 3, rng)) for _ in range(100)]
    failed = {peer.__name__: sum(peer(board, rng) is None for board in boards) for peer in PEERS}
    own = sum(_own(board, rng)() is None for board in boards)
    note = ", ".join(f"{name} {count}" for name, count in failed.items())
    yield Row("failures on 100 sparse boards, n = 12", "peers' methods", "0", own, own == 0, note)


def _bias() -> Iterator[Row]:
    """Total variation of 20,000 draws from uniform: three couples, nobody gets last year's again."""
    couples = households(2, 6)
    last_year = {(0, 2), (2, 4), (4, 0), (1, 3), (3, 5), (5, 1)}
    board = board_of(range(6), couples | last_year)
    table = SubsetTable.of(board)
    outcomes = table.total if table else 0
    rng = Random(6)
    perfect = max(_variation(lambda: (rng.randrange(outcomes),), outcomes) for _ in range(100))
    biases = {peer.__name__: _variation(partial(peer, board, rng), outcomes) for peer in PEERS}
    own = _variation(_own(board, rng), outcomes)
    note = ", ".join(f"{name} {bias:.3f}" for name, bias in biases.items())
    goal = f"≤ {perfect:.3f} (largest of 100 perfect samplers)"
    yield Row("bias, three couples + last year", "peers' methods", goal, own, own <= perfect, note)


def _own(board: Board, rng: Random) -> Callable[[], Sequence[int] | None]:
    return WholeDraw(board, largest_matching(board), rng).draw


def _variation(drawn: Callable[[], Sequence[int] | None], outcomes: int, draws: int = 20_000) -> float:
    """Half the sum of |share - 1 / outcomes| of the draws that did not fail."""
    counts = Counter(tuple(recipients) for _ in range(draws) if (recipients := drawn()) is not None)
    seen = sum(abs(count / counts.total() - 1 / outcomes) for count in counts.values())
    return (seen + (outcomes - len(counts)) / outcomes) / 2


def _speed_beside_peers() -> Iterator[Row]:
    """Mean own draw over the mean run of a peer, found or not, both from the pairs on."""
    for people, size in ((30, 2), (40, 4), (200, 25)):
        forbidden = households(size, people)
        own = mean_seconds(drawing(people, forbidden), 50)
        for peer in PEERS:
            taken, failed = _peer_speed(peer, people, forbidden)
            note = f"own {own * 1000:.3g} ms, never fails; the peer {failed:.0%} of the time"
            metric = f"draw, {people} in households of {size}"
            yield Row(metric, peer.__name__, "for comparison", own / taken, True, note)


def _peer_speed(peer: Peer, people: int, forbidden: Pairs) -> tuple[float, float]:
    """Mean seconds of a run of `peer`, from the pairs on, and the share of runs that found nothing."""
    failed: list[bool] = []

    def run() -> None:
        failed.append(peer(board_of(range(people), forbidden), CHANCE) is None)

    return mean_seconds(run, 20), statistics.mean(failed)


PARTS: Parts = {
    "matching": _against_matching,
    "run": _whole_run,
    "proof-and-loop": _proof_and_loop,
    "import": _import_cost,
    "failures": _failures,
    "bias": _bias,
    "peers": _speed_beside_peers,
}
