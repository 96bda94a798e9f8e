"""Our own style and script files: sent packed, and kept by browsers until they change."""

from __future__ import annotations

import gzip
import hashlib
import os
from functools import cache, lru_cache, partial
from pathlib import Path

from flask import Flask, Response, current_app, request

_VERSION_LENGTH = 10
_FOREVER = "public, max-age=31536000, immutable"
_TEXTS = frozenset({"text/css", "text/javascript", "image/svg+xml"})


def init_app(app: Flask) -> None:
    """Name the version of a file in its address, let browsers keep that version for good, and pack texts.

    Pages themselves are never packed: they hold a form token beside what people typed, and how well the two
    pack together would tell of the token (BREACH).
    """
    address = partial(file_url, app.static_folder, app.static_url_path)
    app.jinja_env.globals.update(file_url=address if app.debug else cache(address))
    app.after_request(_keep_version)
    app.after_request(_pack)


def file_url(folder: str | None, path: str | None, name: str) -> str:
    """The address under `path` of a file in `folder`, in the version it has now.

    Raises `FileNotFoundError` for one that is not there.
    """
    file = f"{folder}/{name}"
    return f"{path}/{name}?v={_version(file, os.stat(file).st_mtime_ns)}"


@lru_cache(maxsize=64)
def _version(file: str, _changed: int) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()[:_VERSION_LENGTH]


def _keep_version(response: Response) -> Response:
    """Let only the version be kept that the address names: during an update, old and new processes answer."""
    if request.endpoint == "static" and "v" in request.args and response.status_code < 400:
        file = _asked_for()
        if request.args["v"] == _version(str(file), file.stat().st_mtime_ns):
            response.headers["Cache-Control"] = _FOREVER
    return response


def _asked_for() -> Path:
    return Path(current_app.static_folder or "", (request.view_args or {})["filename"])


def _pack(response: Response) -> Response:
    """Send a whole text file as gzip to a browser that takes it."""
    if request.endpoint != "static" or response.mimetype not in _TEXTS:
        return response
    response.vary.add("Accept-Encoding")
    if response.status_code == 200 and request.accept_encodings.quality("gzip") > 0:
        file = _asked_for()
        response.close()
        response.direct_passthrough = False
        response.set_data(_packed(file, file.stat().st_mtime_ns))
        response.headers["Content-Encoding"] = "gzip"
        response.set_etag(response.get_etag()[0] or "", weak=True)  # the same file, in other bytes
    return response


@lru_cache(maxsize=64)
def _packed(file: Path, _changed: int) -> bytes:
    return gzip.compress(file.read_bytes(), compresslevel=9, mtime=0)
