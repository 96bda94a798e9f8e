"""Expand first, contract a release later: what a revision may do, read from its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from sneaky.core import schema

# A revision that takes something away says so in its first line, and when nothing uses it any more.
CONTRACTS = "Contract:"
_TAKES_AWAY = {"drop_column", "drop_table", "rename_table", "drop_constraint", "create_check_constraint"}


def breaks(source: str) -> list[str]:
    """What the version before could not live with in a revision; nothing in one that says it contracts."""
    tree = ast.parse(source)
    if (ast.get_docstring(tree) or "").startswith(CONTRACTS):
        return []
    (upgrade,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade"]
    return [f"{call.lineno}: {what}" for call in _calls(upgrade) for what in _wrong_with(call)]


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _wrong_with(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    named = {word.arg: ast.unparse(word.value) for word in call.keywords}
    if name in _TAKES_AWAY:
        yield f"{name} takes something away from the version before"
    if name == "alter_column" and (named.get("nullable") == "False" or "new_column_name" in named):
        yield "alter_column asks of old rows, or of the version before, what they do not have"
    if name == "add_column":
        for column in _calls(call):
            words = {word.arg: ast.unparse(word.value) for word in column.keywords}
            if words.get("nullable") == "False" and "server_default" not in words:
                yield "add_column wants a value that the version before does not write"


def test_every_revision_after_the_first_lets_the_version_before_go_on() -> None:
    folder = schema.migrations_folder() / "versions"
    found = {name: breaks((folder / f"{name}.py").read_text()) for name in schema.revisions()[1:]}
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize(
    ("step", "is_fine"),
    [
        ('op.add_column("letter", sa.Column("tune", sa.String()))', True),
        ('op.add_column("letter", sa.Column("tune", sa.String(), nullable=False, server_default=""))', True),
        ('op.add_column("letter", sa.Column("tune", sa.String(), nullable=False))', False),
        ('op.create_table("carol", sa.Column("id", sa.Integer(), nullable=False))', True),
        ('op.drop_column("letter", "error")', False),
        ('op.alter_column("letter", "error", new_column_name="words")', False),
        ('op.alter_column("letter", "error", nullable=False)', False),
        ('op.alter_column("letter", "error", nullable=True)', True),
        ('op.drop_table("letter")', False),
    ],
)
def test_a_step_that_breaks_the_version_before_is_noticed(step: str, is_fine: bool) -> None:
    body = f"def upgrade():\n    {step}\n\ndef downgrade():\n    op.drop_table('anything')\n"
    assert (breaks(f'"""Add a tune."""\n{body}') == []) is is_fine
    assert breaks(f'"""Contract: nothing reads it since 2.3."""\n{body}') == []
