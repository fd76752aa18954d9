"""Checked access to a row's fields."""

from __future__ import annotations

import pytest

from assay.service.importers.tool_rows import ToolRow, ToolRowError

ROW = ToolRow(
    {"t": "x", "n": "1.5", "i": 7, "l": ["a", 2], "o": {"p": {"q": 1}}, "null": None, "b": True},
    4,
    "a.jsonl",
)


def test_values_are_what_they_should_be() -> None:
    """Numbers may be texts; NaN and null are missing."""
    assert ROW.text("t") == "x"
    assert (ROW.number("n"), ROW.number("null"), ROW.number("b")) == (1.5, None, 1.0)
    assert ROW.as_number("n", float("nan")) is None
    assert (ROW.identity("i"), ROW.identity("t")) == ("7", "x")
    assert ROW.text_or_none("null") is None
    assert ROW.below("o").below("p").values == {"q": 1}


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda: ROW.text("i"), "a.jsonl:4: i: must be a text (got '7')"),
        (lambda: ROW.text("none"), "a.jsonl:4: none: must be a text (got 'null')"),
        (lambda: ROW.number("t"), "a.jsonl:4: t: must be a number (got 'x')"),
        (lambda: ROW.number("l"), "a.jsonl:4: l: must be a number"),
        (lambda: ROW.as_number("n", 10**400), "a.jsonl:4: n: is too large a number"),
        (lambda: ROW.identity("b"), "a.jsonl:4: b: must be a text or a whole number (got 'True')"),
        (lambda: ROW.texts("l"), "a.jsonl:4: l.1: must be a text (got '2')"),
        (lambda: ROW.below("o").below("p").text("q"), "a.jsonl:4: o.p.q: must be a text (got '1')"),
        (lambda: list(ROW.objects("l")), "a.jsonl:4: l.0: must be an object (got 'a')"),
    ],
)
def test_others_are_refused_with_file_line_field_and_value(read: object, message: str) -> None:
    """The path leads into objects."""
    with pytest.raises(ToolRowError) as refused:
        read()  # type: ignore[operator]

    assert message in str(refused.value)


def test_without_a_file_the_line_stands_alone() -> None:
    """As for rows of a pipe."""
    with pytest.raises(ToolRowError, match=r"^line 4: x: must be a text"):
        ToolRow({}, 4).text("x")
