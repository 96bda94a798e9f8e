"""Files to take along: JSON, tables for a spreadsheet, calendar entries."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from flask import Response, send_file

# A spreadsheet would run cells that begin so as formulas.
_FORMULA_MARKS = ("=", "+", "-", "@", "\t", "\r", "\n")
_LONGEST_NAME = 80


def json_file(content: Any, *, name: str) -> Response:
    """Plain data as a readable JSON file."""
    return _file(json.dumps(content, ensure_ascii=False, indent=2), "application/json", name)


def csv_file(rows: Iterable[Sequence[str]], *, name: str) -> Response:
    """Rows as a CSV file in UTF-8; no cell of it can act as a formula."""
    text = io.StringIO()
    csv.writer(text).writerows([_harmless(cell) for cell in row] for row in rows)
    return _file("\ufeff" + text.getvalue(), "text/csv", name)


def calendar_file(content: bytes, *, name: str) -> Response:
    """A calendar entry (RFC 5545)."""
    return _file(content.decode(), "text/calendar", name)


def _file(text: str, kind: str, name: str) -> Response:
    answer = send_file(
        io.BytesIO(text.encode()), f"{kind}; charset=utf-8", as_attachment=True, download_name=_safe(name)
    )
    answer.headers["Cache-Control"] = "no-store"  # Flask would let personal files be kept
    return answer


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_MARKS) else cell


def _safe(name: str) -> str:
    """A file name without path, control or bidirectional characters, at most 80 characters and its ending."""
    stem, _, ending = name.rpartition(".")
    kept = "".join(mark for mark in stem if unicodedata.category(mark)[0] not in "CZ" or mark == " ")
    plain = "".join("-" if mark in '\\/:*?"<>|' else mark for mark in kept).strip(" .")
    return f"{plain[:_LONGEST_NAME] or 'exchange'}.{ending}"
