"""Pages of long lists: how many there are, and which one a number means."""

from __future__ import annotations


def last_page(total: int, size: int) -> int:
    """The number of the last page, at least 1, when `size` rows stand on each."""
    return max(1, -(-total // size))


def nearest_page(number: int, total: int, size: int) -> int:
    """The page that exists nearest to `number`; pages count from 1."""
    return min(max(number, 1), last_page(total, size))
