"""What rooms say, in the language of the page."""

from __future__ import annotations

from flask_babel import gettext

from sneaky.core.errors import SneakyError

# Values that are words of ours; all others were typed by people, or are numbers.
_WORDS = frozenset({"called", "instead"})


def told(error: SneakyError) -> str:
    """What went wrong, as the reader of the page understands it."""
    said = str(gettext(error.template))
    if not error.values:
        return said
    return said % {name: gettext(value) if name in _WORDS else value for name, value in error.values.items()}
