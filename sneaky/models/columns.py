"""Column kinds that several tables share."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    ColumnElement,
    Enum,
    ForeignKey,
    Table,
    event,
    literal_column,
)
from sqlalchemy.orm import Mapped, mapped_column

from sneaky.core.db import BigId
from sneaky.core.tokens import new_public_id

NAME_LENGTH = 120
EMAIL_LENGTH = 254
ID_LENGTH = 22
ZONE_LENGTH = 64


def one_of(kind: type[StrEnum], **options: Any) -> Mapped[Any]:
    """A column that holds one value of `kind` as text, held to it by a check.

    The check names each value by itself, since SQLite builds the list of an IN in a check anew for each row.
    """
    values = [member.value for member in kind]
    column = mapped_column(
        Enum(kind, native_enum=False, length=32, values_callable=lambda _: values), **options
    )

    @event.listens_for(column.column, "after_parent_attach")
    def hold_to_the_values(attached: Column[Any], table: Table) -> None:
        is_one = " OR ".join(f"{attached.name} = '{value}'" for value in values)
        table.append_constraint(CheckConstraint(is_one, name=f"{attached.name}_is_known"))

    return column


def constant(value: StrEnum) -> ColumnElement[Any]:
    """A value of `one_of` as a constant of the statement, for statements that are made once and asked often.

    Were it bound, SQLite would plan the statement anew at each run: a partial index might hang on the value.
    """
    return literal_column(f"'{value}'")


def public_id() -> Mapped[str]:
    """The unguessable id that stands in URLs."""
    return mapped_column(default=new_public_id, unique=True)


def reference(target: str, *, on_delete: str, **options: Any) -> Mapped[Any]:
    """An indexed foreign key to `target.id` that says what happens when its row goes."""
    options.setdefault("index", True)
    return mapped_column(BigId, ForeignKey(f"{target}.id", ondelete=on_delete), **options)


def plain_json(**options: Any) -> Mapped[Any]:
    """Small plain data; never names, addresses or tokens."""
    return mapped_column(JSON, **options)


def not_negative(column: str) -> CheckConstraint:
    """A check that a count is not below zero."""
    return CheckConstraint(f"{column} >= 0", name=f"{column}_not_negative")
