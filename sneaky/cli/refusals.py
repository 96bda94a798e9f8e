"""What the system or the database refuses, in one line: no fault of ours, so nobody needs a traceback."""

from __future__ import annotations

import errno

from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, InternalError, OperationalError

# PostgreSQL's codes for a table and a column that are not there, and for what somebody may not do.
_NO_TABLE, _NO_COLUMN, _MAY_NOT = "42P01", "42703", "42501"
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}
_AWAY = (OperationalError, InterfaceError, InternalError)


def in_a_line(error: OSError | DBAPIError) -> str | None:
    """What to tell instead of a traceback; None for what may well be a fault of ours."""
    if isinstance(error, DBAPIError):
        return _of_database(error)
    if error.filename is None and error.errno not in _NO_ROOM:
        return None
    return f"{error.filename or 'Where this was to be written'}: {error.strerror}."


def _of_database(error: DBAPIError) -> str | None:
    said = (str(error.orig).splitlines() or [""])[0]
    code = getattr(error.orig, "sqlstate", None)
    if code in {_NO_TABLE, _NO_COLUMN} or said.startswith(("no such table", "no such column")):
        return f"The database is not as this version needs it ({said}). Bring it there: sneaky db upgrade"
    is_away = isinstance(error, _AWAY) or type(error) is DatabaseError or code == _MAY_NOT
    return f"The database cannot be used: {said}" if is_away and not said.startswith("near ") else None
