"""Sneaky Klaus: a self-hosted gift exchange with a clock that never forgets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sneaky.app import create_app

__version__ = "0.1.0"
__all__ = ["__version__", "create_app"]


def __getattr__(name: str) -> object:
    """Hand on `create_app` only when somebody asks, so that importing a room stays cheap."""
    if name == "create_app":
        from sneaky.app import create_app  # noqa: PLC0415

        return create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
