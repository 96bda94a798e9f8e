"""How jobs, runs and letters are told in the reader's language; the templates have them as filters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from babel.units import format_unit
from flask_babel import format_decimal, get_locale, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from sneaky.core.errors import NotFound
from sneaky.executions.runs import RunRow
from sneaky.jobs.work import resolve
from sneaky.models import LetterKind, Trigger, TroubleKind
from sneaky.outbox.explain import explain
from sneaky.web.filters import moment
from sneaky.web.operations import blueprint

# What a job is called, and what it does.
_JOBS = {
    "auto_complete_exchanges": (
        _l("Complete exchanges"),
        _l("Completes the exchanges whose day has passed, and those that were never drawn a month later."),
    ),
    "purge_old_exchanges": (
        _l("Erase old exchanges"),
        _l("Erases exchanges 30 days after they were completed, and warns their organizers a week before."),
    ),
    "cleanup_expired_tokens": (
        _l("Delete old links"),
        _l("Deletes links from letters that have expired, and used ones after a day."),
    ),
    "cleanup_expired_sessions": (
        _l("Delete old sessions"),
        _l("Deletes the sessions of people who have not been here for long."),
    ),
    "cleanup_expired_rate_limits": (
        _l("Delete old rate limits"),
        _l("Deletes counts of who tried what how often, once they no longer matter."),
    ),
    "prune_job_history": (
        _l("Prune the history"),
        _l("Deletes runs after 90 days, and settled letters after 30."),
    ),
    "send_due_reminders": (
        _l("Catch missed reminders"),
        _l("Looks for reminders that are due and were not sent at their own time."),
    ),
    "deliver_letters": (
        _l("Deliver letters"),
        _l("Sends what waits in the outbox; also at once when something is put in."),
    ),
    "send_reminder_for_exchange": (
        _l("Remind one exchange"),
        _l("Writes to everybody who takes part in one exchange, so many days before."),
    ),
    "draw_names": (
        _l("Draw names"),
        _l("Draws the names of a large exchange, when its organizer presses the button."),
    ),
}
_TRIGGERS = {
    Trigger.CLOCK: _l("its time came"),
    Trigger.CATCH_UP: _l("late, since nobody was there at its time"),
    Trigger.MANUAL: _l("somebody asked for it"),
    Trigger.SHELL: _l("by hand, from a shell"),
    Trigger.RETRY: _l("a failed run, tried again"),
}
_TROUBLES = {
    TroubleKind.FAILED: _l("A run failed"),
    TroubleKind.MISSING: _l("A run that should be did not happen"),
    TroubleKind.SLOW: _l("A run takes far longer than usual"),
    TroubleKind.MAIL_REFUSED: _l("The mail provider refuses us"),
}
_LETTERS = {
    LetterKind.CONFIRM_REGISTRATION: _l("Confirm the address"),
    LetterKind.ALREADY_JOINED: _l("You have joined already"),
    LetterKind.MAGIC_LINK: _l("Link to come in"),
    LetterKind.MATCH: _l("The draw is made"),
    LetterKind.RECIPIENT_CHANGED: _l("Another recipient"),
    LetterKind.SECOND_GIFT: _l("A second gift"),
    LetterKind.WISH_LIST_CHANGED: _l("A wish list has changed"),
    LetterKind.NEW_MESSAGE: _l("A message is waiting"),
    LetterKind.REMINDER: _l("Reminder"),
    LetterKind.NUDGE: _l("Nudge"),
    LetterKind.EXCHANGE_CHANGED: _l("Date or place has changed"),
    LetterKind.EXCHANGE_CANCELLED: _l("Called off"),
    LetterKind.PURGE_WARNING: _l("Soon to be erased"),
    LetterKind.PASSWORD_RESET: _l("New password"),
    LetterKind.ORGANIZER_INVITATION: _l("Invitation to organize"),
    LetterKind.MATCHES_REVEALED: _l("The organizer has looked"),
    LetterKind.UNDELIVERED: _l("Letters did not arrive"),
    LetterKind.JOB_FAILED: _l("Trouble with a job"),
    LetterKind.TEST: _l("Test letter"),
}
_TRANSPORTS = {
    "smtp": _l("SMTP"),
    "smtps": _l("SMTP over TLS"),
    "resend": _l("Resend"),
    "file": _l("a folder of files"),
    "console": _l("the log of the process"),
}
_COUNTS: Mapping[str, Callable[[int], str]] = {
    "links": lambda number: ngettext("%(num)d link", "%(num)d links", number),
    "sessions": lambda number: ngettext("%(num)d session", "%(num)d sessions", number),
    "rate limits": lambda number: ngettext("%(num)d rate limit", "%(num)d rate limits", number),
    "runs": lambda number: ngettext("%(num)d run", "%(num)d runs", number),
    "requests": lambda number: ngettext("%(num)d request", "%(num)d requests", number),
    "troubles": lambda number: ngettext("%(num)d trouble", "%(num)d troubles", number),
    "audit lines": lambda number: ngettext("%(num)d audit line", "%(num)d audit lines", number),
    "pairs": lambda number: ngettext("%(num)d pair", "%(num)d pairs", number),
    "letters": lambda number: ngettext("%(num)d letter", "%(num)d letters", number),
    "reminders": lambda number: ngettext("%(num)d reminder", "%(num)d reminders", number),
    "notices": lambda number: ngettext("%(num)d notice", "%(num)d notices", number),
    "completed": lambda number: _("%(num)d completed", num=number),
    "never drawn": lambda number: _("%(num)d never drawn", num=number),
    "erased": lambda number: _("%(num)d erased", num=number),
    "warned": lambda number: _("%(num)d warned", num=number),
    "sent": lambda number: _("%(num)d sent", num=number),
    "failed": lambda number: ngettext("%(num)d failed", "%(num)d failed", number),
    "dead": lambda number: _("%(num)d undeliverable", num=number),
    "discarded": lambda number: _("%(num)d discarded", num=number),
    "drawn": lambda number: _("%(num)d drawn", num=number),
}


@dataclass(frozen=True)
class Bar:
    """One run as the duration bars draw it."""

    milliseconds: int
    label: str
    is_failed: bool


@blueprint.app_template_filter()
def job_name(job_id: str) -> str:
    """What a job is called; the id itself of one that this version does not know."""
    return str(_JOBS[_name(job_id)][0]) if _name(job_id) in _JOBS else job_id


@blueprint.app_template_filter()
def job_purpose(job_id: str) -> str:
    """What a job does, as a sentence; nothing for one that this version does not know."""
    return str(_JOBS[_name(job_id)][1]) if _name(job_id) in _JOBS else ""


@blueprint.app_template_filter()
def number(value: int) -> str:
    """A whole number as the reader writes it: “8,200”."""
    return str(format_decimal(value))


@blueprint.app_template_filter()
def schedule(fields: Mapping[str, str]) -> str:
    """Cron fields as a sentence, such as “every day at 02:00 UTC”."""
    hour, minute, second = (fields.get(name, "*") for name in ("hour", "minute", "second"))
    if second.startswith("*"):
        return str(ngettext("every second", "every %(num)d seconds", _step(second)))
    if minute.startswith("*"):
        return str(ngettext("every minute", "every %(num)d minutes", _step(minute)))
    if hour.startswith("*"):
        at = f":{int(minute):02d}"
        return str(ngettext("every hour at %(at)s", "every %(num)d hours at %(at)s", _step(hour), at=at))
    return str(_("every day at %(time)s UTC", time=f"{int(hour):02d}:{int(minute):02d}"))


@blueprint.app_template_filter()
def took(seconds: float | None) -> str:
    """A duration with the unit that suits it: “12 ms”, “1.4 s”, “3 min 5 s”; nothing while it is unknown."""
    if seconds is None:
        return ""
    if seconds < 1:
        return _unit(round(seconds * 1000), "millisecond")
    if seconds < 60:
        return _unit(round(seconds, 1), "second")
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "hour"), (minutes, "minute"), (rest, "second")]
    return " ".join(_unit(number, unit) for number, unit in parts if number)


@blueprint.app_template_filter()
def size(bytes_used: int) -> str:
    """How much room something takes, with the unit that suits it: “516.1 kB”."""
    for factor, unit in ((1e9, "gigabyte"), (1e6, "megabyte"), (1e3, "kilobyte")):
        if bytes_used >= factor:
            return _unit(round(bytes_used / factor, 1), unit)
    return _unit(bytes_used, "byte")


@blueprint.app_template_filter()
def counted(counts: Mapping[str, int]) -> str:
    """What a run did: “2 erased, 1 warned”; nothing where it found nothing to do."""
    known = (_COUNTS.get(what, lambda number, what=what: f"{number} {what}") for what in counts)
    return ", ".join(words(number) for words, number in zip(known, counts.values(), strict=True) if number)


@blueprint.app_template_filter()
def bars(runs: Iterable[RunRow], zone: str) -> list[Bar]:
    """Runs that have ended as bars; what one says on hover has its time in `zone` (IANA)."""
    return [
        Bar(round(run.duration * 1000), _bar_label(run, zone), run.is_failed)
        for run in runs
        if run.duration is not None
    ]


@blueprint.app_template_filter()
def trigger_words(trigger: Trigger) -> str:
    """Why a run was made."""
    return str(_TRIGGERS[trigger])


@blueprint.app_template_filter()
def trouble_words(kind: TroubleKind) -> str:
    """What kind of trouble it is."""
    return str(_TROUBLES[kind])


@blueprint.app_template_filter()
def letter_words(kind: LetterKind) -> str:
    """What a letter is about."""
    return str(_LETTERS[kind])


@blueprint.app_template_filter()
def mail_words(error: str) -> str:
    """What a mail server's answer means and what to do about it."""
    return explain(error)


@blueprint.app_template_filter()
def transport_words(scheme: str) -> str:
    """How letters go, by the scheme of the mail URL."""
    return str(_TRANSPORTS.get(scheme, scheme))


def _name(job_id: str) -> str:
    """The name of the job behind an id, such as that of one exchange's reminder."""
    try:
        return resolve(job_id)[0].name
    except NotFound:
        return job_id


def _step(field: str) -> int:
    """The n of `*/n`; a plain `*` means every one."""
    return int(field.partition("/")[2] or 1)


def _unit(number: float, unit: str) -> str:
    return str(format_unit(number, unit, "narrow" if unit == "second" else "short", locale=get_locale()))


def _bar_label(run: RunRow, zone: str) -> str:
    text = f"{moment(run.started_at, zone).text}: {took(run.duration)}"
    return _("%(run)s, failed", run=text) if run.is_failed else text
