"""Values of fields."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from assay.service.cli.comparison.row_values import (
    ComparisonError,
    flag_value,
    label_value,
    name_value,
    number_value,
    refuse_missing,
    share_value,
    text_value,
)


@pytest.mark.parametrize("value", [None, "", " NaN ", "null", "N/A", math.nan])
def test_a_missing_number_is_nan(value: Any) -> None:
    """Never 0."""
    assert math.isnan(number_value("f:1", "score", value))
    assert math.isnan(share_value("f:1", "probability", value))
    assert math.isnan(label_value("f:1", "label", value))


@pytest.mark.parametrize(
    ("value", "label"),
    [(True, 1), (False, 0), ("true", 1), ("0", 0), ("1.0", 1), (0.7, 0.7), ("0.25", 0.25)],
)
def test_a_label_is_a_share_or_a_word(value: Any, label: float) -> None:
    """True and false are words of theirs."""
    assert label_value("f:1", "label", value) == label


@pytest.mark.parametrize("value", [-1, "-1", -1.0, " -1.0 "])
def test_a_label_of_minus_one_is_refused(value: Any) -> None:
    """It is none for some tools and wrong for others."""
    with pytest.raises(ComparisonError, match=r"f:1: label: .*write null for none, 0 for wrong"):
        label_value("f:1", "label", value)


@pytest.mark.parametrize(
    ("read", "field", "value", "rule"),
    [
        (share_value, "probability", 1.2, "from 0 to 1"),
        (share_value, "probability", "-0.1", "from 0 to 1"),
        (label_value, "label", 2, "from 0 to 1"),
        (label_value, "label", "good", "a number"),
        (number_value, "score", [1], "a number"),
        (number_value, "score", math.inf, "a finite number"),
        (number_value, "score", "1e999", "a finite number"),
        (number_value, "score", 10**400, "a number"),
        (flag_value, "random", "yes", "true or false"),
        (name_value, "candidate", {"a": 1}, "a text or a number"),
        (text_value, "text", 3, "a text"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(
    read: Any, field: str, value: Any, rule: str
) -> None:
    """File, row, field and value."""
    with pytest.raises(ComparisonError, match=rf"^f:7: {field}: must be {rule}.*\(got ['\"]"):
        read("f:7", field, value)


def test_names_and_flags() -> None:
    """A whole number has no fraction; an absent value is None."""
    assert [name_value("f", "n", value) for value in (3, 3.0, "3", "", None, math.nan)] == [
        "3",
        "3",
        "3",
        None,
        None,
        None,
    ]
    assert [flag_value("f", "n", value) for value in (True, "0", None, "")] == [
        True,
        False,
        None,
        None,
    ]
    assert text_value("f", "t", None) is None
    assert text_value("f", "t", "") == ""


def test_a_path_that_cannot_be_reached_is_refused_with_the_reason(tmp_path: Path) -> None:
    """A file that does not exist, links in a circle, a file as folder."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "file").write_text("")

    with pytest.raises(ComparisonError, match="none: no such file or folder"):
        refuse_missing(tmp_path / "none")
    with pytest.raises(ComparisonError, match="a: Too many levels of symbolic links"):
        refuse_missing(tmp_path / "a")
    with pytest.raises(ComparisonError, match="under: Not a directory"):
        refuse_missing(tmp_path / "file" / "under")
    refuse_missing(Path("-"))
    refuse_missing(tmp_path)
