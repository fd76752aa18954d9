"""Trainers' inputs, as texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from assay_client.texts import query_of, reference_of, text_of


class NAType:
    """A stand-in of pandas' gap, which cannot be compared."""

    def __ne__(self, other: object) -> bool:
        raise TypeError("boolean value of NA is ambiguous")


@pytest.mark.parametrize(
    ("value", "reference"),
    [
        ("7", "7"),
        (0, "0"),
        (7.5, "7.5"),
        (np.int32(7), "7"),
        (np.float32("nan"), None),
        (float("nan"), None),
        (None, None),
        ("", None),
        (" \n", None),
        (NAType(), None),
    ],
)
def test_a_reference_is_a_text_or_a_number(value: Any, reference: str | None) -> None:
    """A gap is none."""
    assert reference_of(value) == reference


@pytest.mark.parametrize("value", [["7"], [], {"target": ["7"]}, np.array(["4", "5"]), object()])
def test_anything_else_is_no_reference(value: Any) -> None:
    """Its text would be compared with answers."""
    with pytest.raises(ValueError, match="a text or a number"):
        reference_of(value)


def test_a_completion_without_a_text_of_the_assistant_is_empty() -> None:
    """Whatever tools wrote."""
    assert text_of([{"role": "tool", "content": "7"}]) == ""
    assert text_of([{"role": "assistant", "content": None}, {"role": "user", "content": "x"}]) == ""
    assert text_of([{"role": "assistant", "content": [{"type": "text", "text": "7"}]}]) == "7"
    assert text_of([{"content": "7"}]) == "7"
    assert text_of("7") == "7"


def test_messages_may_be_an_array() -> None:
    """As parquet gives them."""
    turns: Any = np.empty(1, dtype=object)
    turns[0] = {"role": "user", "content": np.array([{"type": "text", "text": "q"}], dtype=object)}

    assert query_of(turns) == [{"role": "user", "content": "q"}]
