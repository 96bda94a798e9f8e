"""Whether the match was opened a moment ago, so that the page after it plays the opening once."""

from __future__ import annotations

from sneaky.web.guards import browser_session

_JUST_OPENED = "just_opened"


def note_opened() -> None:
    """The seal was broken just now."""
    browser_session()[_JUST_OPENED] = True


def was_just_opened() -> bool:
    """Whether it was, asked once: a reload shows the letter open."""
    return bool(browser_session().pop(_JUST_OPENED, False))
