"""What people type is trimmed, held to a length, and free of characters nobody sees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sneaky.core.errors import RuleBroken
from sneaky.core.typed import line, paragraphs


def one(text: str, longest: int = 20, *, is_required: bool = True) -> str:
    return line(text, field="name", called="The name", longest=longest, is_required=is_required)


def many(text: str, longest: int = 50) -> str:
    return paragraphs(text, field="note", called="The note", longest=longest)


def test_a_line_is_folded() -> None:
    assert one("  Ann\t of \r\n Green Gables ") == "Ann of Green Gables"
    assert one("  ", is_required=False) == ""
    assert one("Zoë 🎁 李") == "Zoë 🎁 李"


def test_letters_that_look_alike_are_alike() -> None:
    assert one("Mu\u0308ller") == one("M\u00fcller") == "M\u00fcller"


@pytest.mark.parametrize("text", ["\u200b", "\u00ad \ufeff", "\u3164", "\u2800\u0301"])
def test_what_nobody_can_see_is_missing(text: str) -> None:
    with pytest.raises(RuleBroken, match="missing"):
        one(text)
    assert one(text, is_required=False)
    assert one(f"A{text}").startswith("A")


def test_paragraphs_keep_their_breaks() -> None:
    assert many("\r\n one  \r\n\r\ntwo\rthree\n\n") == "one\n\ntwo\nthree"


@pytest.mark.parametrize("mark", ["\0", "\a", "\x7f", "\x9b", "\u202e", "\u2066", "\ud800"])
def test_hidden_characters_are_refused(mark: str) -> None:
    for read in (one, many):
        with pytest.raises(RuleBroken, match="invisible"):
            read(f"A{mark}B")


def test_errors_name_the_field_and_say_what_to_do() -> None:
    with pytest.raises(RuleBroken, match=r"The name is missing\. Please fill it in\.") as broken:
        one(" ")
    assert broken.value.field == "name"
    with pytest.raises(RuleBroken, match=r"has 21 characters\. Please keep it to 20\.") as broken:
        one("x" * 21)
    assert broken.value.field == "name"
    with pytest.raises(RuleBroken) as broken:
        many("x" * 51)
    assert broken.value.field == "note"


@given(st.text(max_size=60))
def test_a_line_never_holds_a_break(text: str) -> None:
    try:
        read = one(text, 60, is_required=False)
    except RuleBroken:
        return
    assert len(read.splitlines()) <= 1
    assert read == read.strip()
    assert one(read, 60, is_required=False) == read
