"""Lists that Python or numpy printed."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.row_files.printed_lists import PrintedListError, printed_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("['a', \"b's\"]", ["a", "b's"]),
        ("['a' \"b's\"\n 'c\\'d']", ["a", "b's", "c'd"]),
        ("[u'a', u'b']", ["a", "b"]),
        ("[1. 0.]", [1.0, 0.0]),
        ("[0.5 nan]", [0.5, None]),
        ("[['a' 'b']\n ['c' 'd']]", [["a", "b"], ["c", "d"]]),
        ("[{'a': 1}\n {'a': 2}]\n", [{"a": 1}, {"a": 2}]),
        ("[]", []),
        ("{'a': 1}", {"a": 1}),
    ],
)
def test_each_element_of_a_printed_list_is_read(text: str, value: Any) -> None:
    """With commas or, as numpy prints them, blanks."""
    assert printed_value(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "[INST] 'a' [/INST]",
        "[not a list",
        "['a'] and more",
        "['a",
        "[__import__('os')]",
        "{'a': 'b' 'c'}",
        "[1-2]",
        "[)",
        "[" * 5000 + "]" * 5000,
    ],
)
def test_another_text_stays_as_it_is(text: str) -> None:
    """Nothing is run, and nothing is joined."""
    assert printed_value(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("['a' 'b', 'c']", "commas separate some"),
        ("['a', 'b' 'c']", "commas separate some"),
        ("['a''b']", "side by side"),
        ("['a' ... 'b']", "left elements out"),
        ("[np.str_('a'), np.str_('b')]", r"np.str_\(…\)"),
        ("[list(['a', 'b']) list(['c'])]", r"list\(…\)"),
        ("[{'t': array(['a', 'b'], dtype=object)}]", r"array\(…\)"),
    ],
)
def test_a_list_whose_elements_are_not_certain_is_refused(text: str, message: str) -> None:
    """A text may be cut in two, or two joined."""
    with pytest.raises(PrintedListError, match=message):
        printed_value(text)
