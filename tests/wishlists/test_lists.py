"""Wish lists belong to the one who wishes."""

from __future__ import annotations

import pytest
from flask import Flask

from sneaky import wishlists
from sneaky.core.errors import NotFound, RuleBroken
from sneaky.exchanges import lifecycle
from tests import factories


@pytest.fixture
def ann(app: Flask) -> int:
    return factories.a_participant(factories.an_exchange())


def test_items_are_added_edited_and_removed_in_order(ann: int) -> None:
    tea = wishlists.add(ann, "  Tea ", "example.org/tea", "green,\nplease")
    book = wishlists.add(ann, "A book")
    assert wishlists.items(ann) == [
        wishlists.Item(tea, "Tea", "https://example.org/tea", "green,\nplease"),
        wishlists.Item(book, "A book", "", ""),
    ]
    wishlists.edit(ann, tea, "Black tea", "", "")
    wishlists.remove(ann, book)
    assert wishlists.items(ann) == [wishlists.Item(tea, "Black tea", "", "")]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("title", {"title": " "}),
        ("title", {"title": "x" * 201}),
        ("url", {"url": "javascript:alert(1)"}),
        ("url", {"url": "ftp://example.org"}),
        ("url", {"url": "https://"}),
        ("url", {"url": "http://[half"}),
        ("url", {"url": "https://a b.example"}),
        ("url", {"url": "https://example.org/" + "x" * 2000}),
        ("note", {"note": "x" * 1001}),
        ("note", {"note": "bell\a"}),
    ],
)
def test_bad_input_is_refused_beside_its_field(ann: int, field: str, values: dict[str, str]) -> None:
    item = wishlists.add(ann, "Tea")
    given = {"title": "Tea"} | values
    with pytest.raises(RuleBroken) as broken:
        wishlists.add(ann, **given)
    assert broken.value.field == field
    with pytest.raises(RuleBroken) as broken:
        wishlists.edit(ann, item, **given)
    assert broken.value.field == field
    assert [entry.title for entry in wishlists.items(ann)] == ["Tea"]


def test_foreign_items_are_absent(ann: int) -> None:
    bob = factories.a_participant(factories.an_exchange())
    item = wishlists.add(ann, "Tea")
    with pytest.raises(NotFound):
        wishlists.edit(bob, item, "Mine")
    with pytest.raises(NotFound):
        wishlists.remove(bob, item)
    with pytest.raises(NotFound):
        wishlists.add(999, "Tea")
    assert len(wishlists.items(ann)) == 1


def test_a_list_holds_fifty_items(ann: int) -> None:
    for number in range(wishlists.MOST_ITEMS):
        wishlists.add(ann, f"Idea {number}")
    with pytest.raises(RuleBroken, match="Remove one first") as broken:
        wishlists.add(ann, "One more")
    assert broken.value.field == "title"


def test_once_it_is_over_nothing_changes(app: Flask) -> None:
    exchange_id = factories.an_exchange()
    ann = factories.a_participant(exchange_id)
    item = wishlists.add(ann, "Tea")
    lifecycle.cancel(exchange_id)
    with pytest.raises(RuleBroken, match="over"):
        wishlists.add(ann, "Milk")
    with pytest.raises(RuleBroken, match="over"):
        wishlists.remove(ann, item)
