"""Compile once in a test process what every app would compile again: pages, addresses, statements.

Each test has an app of its own, on a database of its own. Without this, most of the time would go into making
the same things out of the same sources.
"""

from __future__ import annotations

from types import CodeType, MethodType
from typing import Any

from flask import Flask, has_app_context
from flask_babel import get_locale
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.default import DefaultDialect
from werkzeug.routing import Rule

# What compiling leaves in a rule.
_COMPILED = ("_parts", "_trace", "_converters", "arguments", "_build", "_build_unknown")


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
    """Routes with the same rule are compiled once: all our apps know the same converters and one host."""
    compile_alone = Rule.compile
    compiled: dict[tuple[Any, ...], dict[str, Any]] = {}

    def shared(rule: Rule) -> None:
        key = (rule.rule, rule.subdomain, rule.merge_slashes)
        if rule.defaults or rule.map.host_matching:  # both become part of what is compiled
            compile_alone(rule)
        elif key not in compiled:
            compile_alone(rule)
            compiled[key] = {name: getattr(rule, name) for name in _COMPILED}
        else:
            vars(rule).update(compiled[key])
            for builder in ("_build", "_build_unknown"):
                setattr(rule, builder, MethodType(compiled[key][builder].__func__, rule))

    Rule.compile = shared  # type: ignore[assignment,method-assign]


def _share_statements() -> None:
    """All databases of one kind are of one release, so what is compiled for one fits each of them."""
    statements: dict[Any, Any] = {}

    def use_them(connection: Connection) -> None:
        connection.execution_options(compiled_cache=statements)

    event.listen(Engine, "engine_connect", use_them)
    # A dialect is a part of each key, and each engine has its own.
    DefaultDialect.__eq__ = lambda self, other: type(self) is type(other)  # type: ignore[method-assign]
    DefaultDialect.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign]
