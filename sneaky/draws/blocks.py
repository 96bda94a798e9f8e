"""Cut a board into the blocks within which every valid draw stays."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from sneaky.draws.board import Board
from sneaky.draws.perfect import Matching


def blocks(board: Board, matching: Matching) -> list[list[int]]:
    """Split the givers of a perfect matching into blocks; an allowed pair is part of a valid draw just if its
    recipient is matched within the giver's block.

    Two valid draws differ by cycles of givers handing recipients on, so the blocks are the strong components
    of "may take over the recipient of". A block of one giver is a forced pair.
    """
    if board.is_roomy:
        return [list(range(board.size))]
    cannot_take_from = [{matching.giver_of[recipient] for recipient in row} for row in board.barred]
    cannot_pass_to = [board.barred_givers[recipient] for recipient in matching.recipient_of]
    return strong_components(cannot_take_from, cannot_pass_to)


def is_strongly_connected(board: Board) -> bool:
    """Whether gifts could travel from anybody to anybody; on a roomy board they can in two steps."""
    return board.is_roomy or len(strong_components(board.barred, board.barred_givers)) <= 1


def strong_components(
    no_step_to: Sequence[AbstractSet[int]], no_step_from: Sequence[AbstractSet[int]]
) -> list[list[int]]:
    """The strong components of the graph that has every edge but the listed ones (Kosaraju's two passes).

    `no_step_to[node]` holds the nodes without an edge from `node`, `no_step_from[node]` those without one to
    it.
    """
    unseen = set(range(len(no_step_to)))
    components = []
    for root in reversed(_finishing_order(no_step_to)):
        if root in unseen:
            unseen.discard(root)
            component = [root]
            for node in component:
                reached = unseen.difference(no_step_from[node])
                unseen -= reached
                component.extend(reached)
            components.append(component)
    return components


def _finishing_order(no_step_to: Sequence[AbstractSet[int]]) -> list[int]:
    """The nodes in the order in which a depth-first walk leaves them."""
    left = list(range(len(no_step_to)))
    finished: list[int] = []
    while left:
        path = [left.pop()]
        while path:
            blocked = no_step_to[path[-1]]
            index = next((i for i in range(len(left) - 1, -1, -1) if left[i] not in blocked), None)
            if index is None:
                finished.append(path.pop())
            else:
                path.append(left[index])
                left[index] = left[-1]
                left.pop()
    return finished
