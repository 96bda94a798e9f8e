"""The states and kinds that rows can have; one comment each."""

from __future__ import annotations

from enum import StrEnum


class ExchangeState(StrEnum):
    """Where an exchange stands on its way from draft to erasure."""

    DRAFT = "draft"  # being written; nobody can join
    REGISTRATION_OPEN = "registration_open"  # the join link works
    REGISTRATION_CLOSED = "registration_closed"  # the list is final, unless reopened
    MATCHED = "matched"  # drawn; letters are out
    COMPLETED = "completed"  # over; erased 30 days later


class CompletedReason(StrEnum):
    """Why an exchange is completed."""

    DATE_PASSED = "date_passed"  # the day has come and gone
    CANCELLED = "cancelled"  # the organizer called it off
    NEVER_DRAWN = "never_drawn"  # 30 days past its date without a draw


class ParticipantState(StrEnum):
    """Whether a participant takes part."""

    PENDING = "pending"  # joined by the link, has not confirmed the address
    ACTIVE = "active"  # takes part
    WITHDRAWN = "withdrawn"  # left or was taken out


class AvoidLastYear(StrEnum):
    """How strictly earlier matches are avoided."""

    OFF = "off"  # not at all
    SOFT = "soft"  # as far as a draw stays possible
    HARD = "hard"  # never repeated


class DrawState(StrEnum):
    """Which draw of an exchange counts."""

    CURRENT = "current"  # the one that counts
    UNDONE = "undone"  # taken back before anybody saw a match
    REPLACED = "replaced"  # an explicit re-draw took its place


class MessageAuthor(StrEnum):
    """Which side of a match wrote a message; never a name."""

    GIVER = "giver"  # knows whom they write to
    RECIPIENT = "recipient"  # does not


class ReminderState(StrEnum):
    """What became of a planned reminder."""

    PLANNED = "planned"  # waits for its instant
    SENT = "sent"  # letters are queued
    SKIPPED = "skipped"  # not sent, with the reason
    CANCELLED = "cancelled"  # its exchange or its date went away


class TokenPurpose(StrEnum):
    """What a magic link is good for."""

    SETUP = "setup"  # make the first organizer
    CONFIRM_REGISTRATION = "confirm_registration"  # a participant confirms the address
    SIGN_IN = "sign_in"  # a participant signs in
    MATCH = "match"  # a participant opens the sealed match
    PASSWORD_RESET = "password_reset"  # an organizer chooses a new password  # noqa: S105
    ORGANIZER_INVITATION = "organizer_invitation"  # somebody becomes an organizer


class LetterKind(StrEnum):
    """The letters we write; each has a template folder of this name."""

    CONFIRM_REGISTRATION = "confirm-registration"
    ALREADY_JOINED = "already-joined"
    MAGIC_LINK = "magic-link"
    MATCH = "match"
    RECIPIENT_CHANGED = "recipient-changed"
    SECOND_GIFT = "second-gift"  # to a volunteer who gives in somebody's place
    WISH_LIST_CHANGED = "wish-list-changed"
    NEW_MESSAGE = "new-message"
    REMINDER = "reminder"
    NUDGE = "nudge"
    EXCHANGE_CHANGED = "exchange-changed"
    EXCHANGE_CANCELLED = "exchange-cancelled"
    PURGE_WARNING = "purge-warning"
    PASSWORD_RESET = "password-reset"  # noqa: S105
    ORGANIZER_INVITATION = "organizer-invitation"
    MATCHES_REVEALED = "matches-revealed"
    UNDELIVERED = "undelivered"
    JOB_FAILED = "job-failed"
    TEST = "test"


# To whom and when such a letter goes can tell who gives to whom; no page shows it to an organizer or admin.
TELLING = frozenset(
    {
        LetterKind.RECIPIENT_CHANGED,
        LetterKind.SECOND_GIFT,
        LetterKind.WISH_LIST_CHANGED,
        LetterKind.NEW_MESSAGE,
        LetterKind.NUDGE,  # after a mending it may go to just those who have somebody new
    }
)
# What participants may choose not to get.
REMINDERS = frozenset({LetterKind.REMINDER, LetterKind.NUDGE})
NOTICES = frozenset({LetterKind.WISH_LIST_CHANGED, LetterKind.NEW_MESSAGE})


class LetterState(StrEnum):
    """Where a letter is on its way."""

    QUEUED = "queued"  # waits for its first try
    SENDING = "sending"  # leased by a sender
    SENT = "sent"  # the server said yes
    FAILED = "failed"  # will be tried again
    DEAD = "dead"  # given up, with the reason
    BOUNCED = "bounced"  # the server took it, and said later that it did not arrive
    DISCARDED = "discarded"  # an admin took it out, or it no longer applies


class ExecutionState(StrEnum):
    """How a run of a job stands or ended."""

    RUNNING = "running"  # claimed; works until its lease ends
    SUCCEEDED = "succeeded"  # done
    FAILED = "failed"  # ended with an error
    ABANDONED = "abandoned"  # its process died and nobody takes it up again
    SKIPPED = "skipped"  # was due, and rightly not run


class Trigger(StrEnum):
    """Why a job runs."""

    CLOCK = "clock"  # its time came
    CATCH_UP = "catch-up"  # its time came while nobody was there
    MANUAL = "manual"  # somebody asked for it
    SHELL = "shell"  # run by hand from a shell
    RETRY = "retry"  # a failed run, again


class RequestState(StrEnum):
    """What became of a request to run a job."""

    WAITING = "waiting"  # nobody took it yet
    TAKEN = "taken"  # its execution exists
    REFUSED = "refused"  # not run, with the reason


class TroubleKind(StrEnum):
    """What an alert letter can be about."""

    FAILED = "failed"  # a run ended with an error
    MISSING = "missing"  # a run that should be did not happen
    SLOW = "slow"  # a run takes far longer than usual
    MAIL_REFUSED = "mail_refused"  # the mail provider refuses us
