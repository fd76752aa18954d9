"""Values read from the store, whole and damaged."""

from __future__ import annotations

import pytest

from assay.service.domain.stored_values import (
    Read,
    finite_number,
    finite_value,
    json_object,
    read_all,
    whole_number,
)


def test_what_is_whole_is_read_and_what_is_damaged_is_named() -> None:
    """By its name or by its value; the damaged ones stay as the store has them."""
    raw = {b"7": b"1", b"x": b"2", b"8": b"many", b"\xff": b"3"}

    read = read_all(raw, whole_number, named=int)

    assert read == Read({"7": 1}, {b"x": b"2", b"8": b"many", b"\xff": b"3"})


@pytest.mark.parametrize("value", [b"", b"-1", b"1.5", b" 1", b"1" * 19, b"one"])
def test_what_is_no_count_is_damaged(value: bytes) -> None:
    """Also one that no count ever reaches."""
    with pytest.raises(ValueError, match="not a count"):
        whole_number(value)


@pytest.mark.parametrize("value", [b"nan", b"inf", b"-inf", b"x", b""])
def test_what_is_no_finite_number_is_damaged(value: bytes) -> None:
    """An infinite sum would never go again."""
    with pytest.raises(ValueError, match=r"finite|could not convert"):
        finite_number(value)


def test_numbers_are_read() -> None:
    """As the store writes them."""
    assert (whole_number(b"0"), whole_number(b"9" * 18)) == (0, 10**18 - 1)
    assert finite_number(b"-1.5e3") == -1500.0


@pytest.mark.parametrize("value", [b"[]", b"5", b"null", b"{", b""])
def test_what_is_no_object_is_damaged(value: bytes) -> None:
    """Whether it is JSON or not."""
    with pytest.raises(ValueError, match=r"."):
        json_object(value)


@pytest.mark.parametrize("value", [True, "1", None, float("nan"), float("inf"), []])
def test_a_number_of_json_is_finite_and_no_truth(value: object) -> None:
    """True counts as 1 in Python."""
    assert finite_value(1) == 1.0
    with pytest.raises(ValueError, match="finite"):
        finite_value(value)
