"""Long bodies, parsed in steps: the result equals a parser's of the whole text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json

from assay.service.api.front import long_json
from assay.service.api.front.long_json import LongNumberError, parse_long_json

UNITS = ["a", '"', "\\", "/", "\n", "é", "€", "😀", "\u200b", "\x1f", "d83d", "u", "\\u"]
TEXTS = st.lists(st.sampled_from(UNITS), max_size=60).map("".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
MOST = 10_000


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every string out, in very short pieces, so that each kind of cut comes up."""
    monkeypatch.setattr(long_json, "SHORT", 0)
    monkeypatch.setattr(long_json, "PIECE", 16)


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_a_text_in_steps_says_what_it_says_at_once(
    value: Any, escaped: bool, indent: int | None
) -> None:
    """With any strings in any notation."""
    text = json.dumps(value, ensure_ascii=escaped, indent=indent).encode()
    assert parse_long_json(text, MOST) == from_json(text) == value
    assert parse_long_json(bytearray(text), MOST) == value


@given(
    st.lists(
        st.sampled_from(
            [
                b"\\",
                b'"',
                b"u",
                b"d83d",
                b"\\ud83d",
                b"\\ude00",
                b"\xf0\x9f",
                b"\x98\x80",
                b"a",
                b",",
                b"[",
                b"]",
                b"{",
                b":",
            ]
        )
    )
)
def test_what_is_no_json_at_once_is_none_in_steps(parts: list[bytes]) -> None:
    """And the other way round: both read it, to the same value, or neither does."""
    text = b"".join(parts)
    try:
        whole = from_json(text)
    except ValueError:
        with pytest.raises(ValueError, match=r"\w"):
            parse_long_json(text, MOST)
    else:
        assert parse_long_json(text, MOST) == whole


@pytest.mark.parametrize(
    "unit", [rb"\\", rb"\u00e9", rb"\ud83d\ude00", "é".encode(), "😀".encode(), rb"\"", b"aaaa"]
)
@pytest.mark.parametrize("before", range(14))
def test_a_string_is_never_cut_inside_of_a_character(unit: bytes, before: int) -> None:
    """Wherever the pieces end."""
    text = b'["' + b"x" * before + unit * 40 + b'"]'
    assert parse_long_json(text, MOST) == from_json(text)


def test_a_twice_written_name_has_its_last_value() -> None:
    """As parsers have it."""
    assert parse_long_json(b'{"name": "a", "name": "b"}', MOST) == {"name": "b"}


@pytest.mark.parametrize("text", [b'"' * 41, b'["' + b'","' * 30 + b'"]'])
def test_more_strings_than_may_be_are_refused(text: bytes) -> None:
    """Before the parser makes room for each."""
    with pytest.raises(ValueError, match="more than 20 strings"):
        parse_long_json(text, 20)


@pytest.mark.parametrize(
    "number", [b"9" * 600, b"-" + b"1" * 900, b"0." + b"3" * 2000, b"1" * 520 + b"e-300"]
)
def test_a_number_of_very_many_digits_is_refused(
    number: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list of them costs far more than its bytes."""
    monkeypatch.setattr(long_json, "PIECE", 1 << 20)
    with pytest.raises(LongNumberError, match="256 digits or more"):
        parse_long_json(b"[%b]" % number, MOST)
    assert parse_long_json(b'["%b"]' % number, MOST) == [number.decode()]
