"""What can go wrong, in words for people: an error's docstring is its default message.

Messages are written in English where a rule breaks, with `%(name)s` for what differs. Whoever shows one finds
it in the reader's language, and fills in the values.
"""

from __future__ import annotations


def words(text: str) -> str:
    """`text` as it is; marks words for people that stand in a constant, so that they are translated."""
    return text


class SneakyError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None, **values: object) -> None:
        self.template = message or (type(self).__doc__ or "").strip()
        self.values = values
        self.message = self.template % values if values else self.template
        super().__init__(self.message)


class RuleBroken(SneakyError):
    """This is not possible right now.

    The message tells what to do instead. `field` names the form field to blame, if one is.
    """

    def __init__(self, message: str | None = None, *, field: str | None = None, **values: object) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0], **values)
        self.field = field


class NotFound(SneakyError):
    """There is nothing here, or it is not yours to see."""


class Forbidden(SneakyError):
    """You may not do this."""


class TooMany(SneakyError):
    """Too many tries. Please wait a little and try again."""

    def __init__(self, message: str | None = None, *, retry_after: int = 60) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class MailTransient(SneakyError):
    """The mail server could not take the letter just now."""

    def __init__(self, message: str | None = None, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class MailPermanent(SneakyError):
    """The mail server refuses this letter for good."""


class MailRefused(SneakyError):
    """The mail provider refuses us, not the letter: sending stops until somebody mends the settings."""


class SettingsError(SneakyError):
    """The settings are wrong.

    `problems` holds one line each, and each line says what to do.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
