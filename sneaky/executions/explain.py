"""What a run, the clock or the database says is wrong, as one sentence in the reader's language.

The sentences themselves stay in English, since logs, programs and shells read them too.
"""

from __future__ import annotations

import re
from typing import Final

from flask_babel import gettext
from flask_babel import lazy_gettext as _l

_AWAY: Final = r"^(OperationalError|InterfaceError|InternalError|TimeoutError): "

# What we write down with values in it, then what the database says: the most telling first.
_RULES: Final = (
    (
        r"^its process went away (?P<times>\d+) times$",
        _l("Its process went away %(times)s times, so it was given up. The log of that process may say why."),
    ),
    (
        r"^it hung: not done after (?P<hours>\d+):(?P<minutes>\d\d)",
        _l("After %(hours)s h %(minutes)s min it was still not done, so it was ended."),
    ),
    (r"^There is no job called (?P<job_id>\S+)\.$", _l("There is no job called %(job_id)s.")),
    (r"^no run for (?P<slot>.+ UTC)$", _l("It was due at %(slot)s, and nobody ran it.")),
    (
        r"^running for (?P<seconds>\d+) s, usually (?P<usual>\d+) s$",
        _l("It has been running for %(seconds)s seconds; usually it takes %(usual)s."),
    ),
    (r"^the leader's last round was at (?P<at>.+ UTC)$", _l("the leader's last round was at %(at)s")),
    (
        r"^the database is at revision (?P<current>\S+), this version needs (?P<needed>\S+)$",
        _l("the database is at revision %(current)s, this version needs %(needed)s"),
    ),
    (r"^the database does not answer \((?P<error>\w+)\)$", _l("the database does not answer (%(error)s)")),
    (
        r"^no letter can be put into the outbox \((?P<error>\w+)\)$",
        _l("no letter can be put into the outbox (%(error)s)"),
    ),
    (
        r"no space left|disk is full|could not extend file|disk full",
        _l("There is no room left where the data lies. Make some, then try it again."),
    ),
    (
        r"readonly database|read-only transaction|permission denied",
        _l("The data cannot be written. Check who may write where it lies, then try it again."),
    ),
    (
        r"database (table )?is locked|deadlock|lock timeout|could not serialize|QueuePool",
        _l("The database was busy for too long. You can try it again."),
    ),
    (_AWAY, _l("The database could not be reached. You can try it again once it answers.")),
    (r"^MemoryError\b", _l("There was not enough memory.")),
    (r"^(KeyboardInterrupt|SystemExit)\b", _l("Somebody ended it at a shell.")),
)
_COMPILED: Final = tuple((re.compile(pattern, re.IGNORECASE), sentence) for pattern, sentence in _RULES)


def explain(said: str) -> str:
    """Tell what is wrong as the reader understands it; what nobody foresaw comes back as it is."""
    if not said:
        return ""
    for pattern, sentence in _COMPILED:
        if found := pattern.search(said):
            return str(sentence) % found.groupdict()
    return str(gettext(said))
