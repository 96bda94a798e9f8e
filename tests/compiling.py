"""Compile once in a test process what every app would compile again: pages, addresses, statements.

Each test has an app of its own, on a database of its own. Without this, most of the time would go into making
the same things out of the same sources.
"""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType
from typing import Any

from flask import Flask, has_app_context
from flask_babel import get_locale
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.default import DefaultDialect
from werkzeug.routing import Rule

Builder = Callable[..., tuple[str, str]]


class _Pages(BytecodeCache):
    """Compiled templates, kept in memory; a template that reads differently by now is compiled anew."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], CodeType] = {}

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """Each language compiles its own."""
        return f"{super().get_cache_key(name, filename)}:{get_locale() if has_app_context() else None}"

    def load_bytecode(self, bucket: Bucket) -> None:
        """Hand back what was compiled from the same source."""
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        if bucket.code is not None:
            self._kept[bucket.key, bucket.checksum] = bucket.code


def compile_once() -> None:
    """Let all apps of this process share what they compile."""
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": _Pages()}
    _share_addresses()
    _share_statements()


def _share_addresses() -> None:
    """Routes with the same rule build their addresses with the same function."""
    compile_builder = Rule._compile_builder
    builders: dict[Any, Builder] = {}

    def shared(rule: Rule, append_unknown: bool = True) -> Builder:
        if rule.defaults:  # they become part of the function
            return compile_builder(rule, append_unknown)
        key = (rule.rule, tuple(rule._trace), append_unknown)
        if key not in builders:
            builders[key] = compile_builder(rule, append_unknown)
        return builders[key]

    Rule._compile_builder = shared  # type: ignore[assignment,method-assign]


def _share_statements() -> None:
    """All databases of one kind are of one release, so what is compiled for one fits each of them."""
    statements: dict[Any, Any] = {}

    def use_them(connection: Connection) -> None:
        connection.execution_options(compiled_cache=statements)

    event.listen(Engine, "engine_connect", use_them)
    # A dialect is a part of each key, and each engine has its own.
    DefaultDialect.__eq__ = lambda self, other: type(self) is type(other)  # type: ignore[method-assign]
    DefaultDialect.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign]
