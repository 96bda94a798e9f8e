"""The same page for people and for programs: HTML, or JSON where that is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

from flask import flash, jsonify, redirect, render_template, request
from flask.typing import ResponseReturnValue

_HTML, _JSON = "text/html", "application/json"


def wants_json() -> bool:
    """Whether the address ends in `.json`, or the client prefers JSON to a page."""
    asked = request.accept_mimetypes
    return request.path.endswith(".json") or asked[_JSON] > asked[_HTML]


def show(template: str, **parts: Any) -> ResponseReturnValue:
    """A page of frozen dataclasses and plain values; as JSON the same parts under the same names."""
    if wants_json():
        return jsonify({name: plain(part) for name, part in parts.items()})
    return render_template(template, **parts)


def done(told: str, address: str, *, code: int = 200, **parts: Any) -> ResponseReturnValue:
    """What was asked for is done: a flash and the page at `address`, or `code` and JSON with Location."""
    if wants_json():
        return jsonify({name: plain(part) for name, part in parts.items()}), code, {"Location": address}
    flash(told, "ok")
    return redirect(address, 303)


def refused(reason: str, address: str) -> ResponseReturnValue:
    """A rule speaks against what was asked for: a flash and the page at `address`, or 409 and JSON."""
    if wants_json():
        return jsonify(error=reason), 409
    flash(reason, "bad")
    return redirect(address, 303)


def plain(value: Any) -> Any:
    """Dataclasses, mappings and instants as JSON has them; instants in UTC."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value
