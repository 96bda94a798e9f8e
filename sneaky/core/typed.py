"""What people type: trimmed, held to a length, without characters that nobody can see."""

from __future__ import annotations

import unicodedata

from sneaky.core.errors import RuleBroken

_INKLESS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs", "Mn", "Me"})
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def line(text: str, *, field: str, called: str, longest: int, is_required: bool = True) -> str:
    """One line of text, white space folded to single spaces, an “ä” always one character.

    `called` names it in errors ("The name"). Raises `RuleBroken` with `field` where it is empty, or nothing
    of it can be seen, though required, longer than `longest` characters, or holds control characters.
    """
    return _checked(unicodedata.normalize("NFC", " ".join(text.split())), field, called, longest, is_required)


def paragraphs(text: str, *, field: str, called: str, longest: int, is_required: bool = False) -> str:
    """Text of any number of lines; raises `RuleBroken` as `line` does."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return _checked("\n".join(lines).strip(), field, called, longest, is_required)


def _checked(text: str, field: str, called: str, longest: int, is_required: bool) -> str:
    if is_required and not any(map(_is_seen, text)):
        raise RuleBroken("%(called)s is missing. Please fill it in.", called=called, field=field)
    if len(text) > longest:
        raise RuleBroken(
            "%(called)s has %(number)d characters. Please keep it to %(most)d.",
            called=called,
            number=len(text),
            most=longest,
            field=field,
        )
    if any(_is_hidden(mark) for mark in text):
        raise RuleBroken(
            "%(called)s contains invisible characters. Please type it anew.", called=called, field=field
        )
    return text


def _is_seen(mark: str) -> bool:
    """Whether a character leaves ink on its own."""
    return unicodedata.category(mark) not in _INKLESS and mark not in _FILLERS


def _is_hidden(mark: str) -> bool:
    """Control characters, halves of pairs, and the ones that turn the direction of what follows."""
    if mark in "\n\t":
        return False
    return unicodedata.category(mark) in {"Cc", "Cs"} or mark in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068"
