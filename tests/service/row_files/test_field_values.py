"""Values of fields in the forms that people have."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.row_files.field_values import (
    RowFieldError,
    answer_of,
    candidates_from,
    field_refusal,
    id_from,
    is_conversation,
    keys_left_out,
    label_from,
    message_text,
    messages_read,
    parted_pair,
    unpacked_cell,
)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ('["a"]', ["a"]),
        ("['a', \"b's\"]", ["a", "b's"]),
        ('{"a": 1}', {"a": 1}),
        ("[not a list", "[not a list"),
        ("[" * 5000, "[" * 5000),
        ("[__import__('os')]", "[__import__('os')]"),
        ("plain", "plain"),
        (5, 5),
    ],
)
def test_a_cell_may_hold_a_list(cell: Any, value: Any) -> None:
    """As JSON or as Python writes it; nothing is run."""
    assert unpacked_cell("c", cell) == value


def test_a_list_of_python_is_bounded() -> None:
    """Its parser needs far more memory than its text."""
    with pytest.raises(RowFieldError, match="c: a list that is no JSON"):
        unpacked_cell("c", "['a'," + "'a'," * 300_000)


@pytest.mark.parametrize(
    ("value", "label"),
    [(True, 1), (0, 0), (0.25, 0.25), ("1", 1), (" True ", 1), ("false", 0), (None, None), (float("nan"), None)],
)  # fmt: skip
def test_a_label_is_a_share(value: Any, label: float | None) -> None:
    """True and false, also as texts; what is missing stays missing."""
    assert label_from("l", value) == label


@pytest.mark.parametrize("value", [2, -1, "yes", "", [1], 10**400, float("inf")])
def test_another_value_is_no_label(value: Any) -> None:
    """It is named with its field."""
    with pytest.raises(RowFieldError, match="l: must be a number from 0 to 1"):
        label_from("l", value)


@pytest.mark.parametrize(("value", "name"), [("a", "a"), (5, "5"), (2**70, str(2**70)), (7.0, "7")])
def test_an_id_is_a_text(value: Any, name: str) -> None:
    """pandas makes floats of whole numbers beside missing ones."""
    assert id_from("id", value) == name


@pytest.mark.parametrize("value", [True, 0.5, "", None, ["a"]])
def test_another_value_is_no_id(value: Any) -> None:
    """Not even none."""
    with pytest.raises(RowFieldError, match="id: must be a text or a whole number"):
        id_from("id", value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        ({"role": "assistant", "content": "a"}, "a"),
        ({"message": {"content": "a"}}, "a"),
        ([{"content": "a"}], "a"),
        ([{"content": "a"}, {"content": "b"}], None),
        ({"text": "a", "response": "b"}, None),
        ({"text": None, "response": "b"}, "b"),
        ({"from": "gpt", "value": "a"}, "a"),
        ({"value": "a"}, None),
        ({}, None),
        (5, None),
    ],
)
def test_an_answer_is_the_one_text_of_a_value(value: Any, text: str | None) -> None:
    """Two texts are no answer."""
    assert answer_of(value) == text


def test_contents_of_parts_are_one_text_where_all_are_texts() -> None:
    """An image is none."""
    assert message_text([{"type": "text", "text": "a"}, "b"]) == "ab"
    assert message_text([{"type": "image_url", "image_url": "x"}]) is None
    assert message_text([]) is None


def test_candidates_of_an_object_have_its_keys_as_ids() -> None:
    """And other values are refused."""
    assert candidates_from("c", {"m": "a"}) == [{"id": "m", "text": "a"}]
    with pytest.raises(RowFieldError, match="c: must be a list of candidates, or an object"):
        candidates_from("c", {"m": 1})
    assert keys_left_out([{"text": "a", "score": 1}, "b"]) == ["score"]


def test_messages_of_sharegpt_have_our_roles() -> None:
    """Other roles stay."""
    chat = [{"from": "gpt", "value": "a"}, {"role": "tool", "content": "b"}]

    assert is_conversation(chat)
    assert not is_conversation(["a"])
    assert messages_read("m", chat) == [
        {"role": "assistant", "content": "a"},
        {"role": "tool", "content": "b"},
    ]


def test_texts_of_a_pair_share_nothing() -> None:
    """Only conversations do."""
    assert parted_pair("a", "b") == ([], "a", "b")


def test_a_refusal_shows_the_beginning_of_a_value() -> None:
    """And none where there is none."""
    assert str(field_refusal("f", "is wrong", "x" * 99)) == f"f: is wrong (got {'x' * 60!r})"
    assert str(field_refusal("f", "is wrong")) == "f: is wrong"
