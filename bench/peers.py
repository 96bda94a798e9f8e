"""How gift-exchange programs usually draw: three methods to stand beside the own one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from sneaky.draws.board import Board

Peer = Callable[[Board, Random], Sequence[int] | None]
MOST_SHUFFLES = 1_000


def shuffle_and_retry(board: Board, rng: Random) -> list[int] | None:
    """Shuffle all names until the whole list breaks no rule; give up after a thousand times."""
    recipients = list(range(board.size))
    for _ in range(MOST_SHUFFLES):
        rng.shuffle(recipients)
        if not any(recipients[giver] in board.barred[giver] for giver in range(board.size)):
            return recipients
    return None


def sequential_hat(board: Board, rng: Random) -> list[int] | None:
    """Let one after the other take a random allowed name that is left; None if somebody finds none."""
    left = set(range(board.size))
    recipients = []
    for giver in range(board.size):
        allowed = sorted(left - board.barred[giver])
        if not allowed:
            return None
        recipients.append(rng.choice(allowed))
        left.discard(recipients[-1])
    return recipients


def backtracking(board: Board, rng: Random) -> list[int] | None:
    """As the hat, but whoever finds no name makes the one before take another, for 100,000 steps."""
    left = set(range(board.size))
    choices: list[list[int]] = []
    recipients: list[int] = []
    for _ in range(100 * MOST_SHUFFLES):
        if len(recipients) == board.size:
            return recipients
        if len(choices) == len(recipients):
            choices.append(_mixed(left - board.barred[len(recipients)], rng))
        if choices[-1]:
            recipients.append(choices[-1].pop())
            left.discard(recipients[-1])
        elif recipients:
            choices.pop()
            left.add(recipients.pop())
        else:
            return None
    return None


def _mixed(numbers: set[int], rng: Random) -> list[int]:
    listed = sorted(numbers)
    rng.shuffle(listed)
    return listed
