"""Our own style and script files: browsers keep them until they change."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, request

_VERSION_LENGTH = 10
_FOREVER = "public, max-age=31536000, immutable"


def init_app(app: Flask) -> None:
    """Name the version of a file in its address, and let browsers keep that version for good."""
    app.url_defaults(_add_version)
    app.after_request(_keep_version)


def _add_version(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint != "static" or current_app.static_folder is None:
        return
    file = Path(current_app.static_folder) / values["filename"]
    if file.is_file():
        values["v"] = _version(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _version(file: Path, _changed: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:_VERSION_LENGTH]


def _keep_version(response: Response) -> Response:
    if request.endpoint == "static" and "v" in request.args and response.status_code < 400:
        response.headers["Cache-Control"] = _FOREVER
    return response
