"""Names of columns that are never verifiers by themselves."""

from __future__ import annotations

import pytest

from assay.service.score_files.columns.column_names import (
    is_label_name,
    may_hold_labels,
    reason_by_name,
    words_of_name,
)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("turn", "a number of the turn"),
        ("tstamp", "a time"),
        ("judge_tstamp", "a time"),
        ("createdAt", "a time"),
        ("timestamp", "a time"),
        ("doc_id", "an id"),
        ("sampleIdx", "an id"),
        ("Unnamed: 0", "a number of the row"),
        ("row", "a number of the row"),
        ("rank", "a place in an order"),
        ("seed", "a setting of the run"),
        ("", "a column without a name"),
    ],
)
def test_a_name_that_is_no_verifiers_has_a_reason(name: str, reason: str) -> None:
    """In whatever way it is written."""
    assert reason_by_name(name) == reason


@pytest.mark.parametrize(
    "name", ["judge", "a", "reward:1", "length_free", "rm-turbo", "bleu", "score"]
)
def test_other_names_say_nothing(name: str) -> None:
    """Such as those of our own verifiers."""
    assert reason_by_name(name) is None
    assert not is_label_name(name)


@pytest.mark.parametrize(
    "name", ["correct", "is_correct", "isCorrect", "gold", "label_raw", "human-label", "target"]
)
def test_names_of_labels(name: str) -> None:
    """They are never verifiers by themselves."""
    assert is_label_name(name)


def test_some_names_are_rubrics_or_labels() -> None:
    """Their values tell."""
    assert may_hold_labels("exact_match")
    assert not is_label_name("correctness")
    assert words_of_name("judgeTstamp.v2") == ("judge", "tstamp", "v2")
