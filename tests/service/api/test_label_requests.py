"""Labels as they are sent."""

from __future__ import annotations

import time
from typing import Any

import pytest
from pydantic import ValidationError

from assay.service.api.errors import invalid
from assay.service.api.label_requests import CLOCKS_APART_S, ExportedIn, LabelIn, LabelsIn
from assay.service.domain.score_keys import hash_candidate, hash_query
from assay.verifiers import Query

KEY = "0" * 32 + ":" + "1" * 32


def test_texts_name_the_candidate_that_a_key_names() -> None:
    """A reference or tests are part of the query."""
    texts = LabelIn(query="q", candidate="c", reference="7", correct=1)
    messages = LabelIn.model_validate(
        {"messages": [{"role": "user", "content": "q"}], "candidate": "c", "reference": "7"}
        | {"correct": 1}
    )
    key = f"{hash_query(Query.of('q', '7'))}:{hash_candidate('c')}"

    assert texts.candidate_key() == messages.candidate_key() == key
    assert LabelIn(key=key, correct=0).candidate_key() == key


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"key": KEY, "query": "q"}, "key", "one_of"),
        ({"key": KEY, "candidate": ""}, "key", "one_of"),
        ({"query": "q"}, "key", "one_of"),
        ({"candidate": "c"}, "key", "one_of"),
        ({"key": "short"}, "key", "string_pattern_mismatch"),
        ({"key": KEY, "correct": 1.5}, "correct", "less_than_equal"),
        ({"key": KEY, "correct": float("nan")}, "correct", "finite_number"),
        ({"key": KEY, "at": 4e12}, "at", "in_future"),
    ],
)
def test_a_label_that_names_no_candidate_or_no_truth_is_refused(
    change: dict[str, Any], param: str, code: str
) -> None:
    """Milliseconds would be a time far ahead."""
    with pytest.raises(ValidationError) as caught:
        LabelIn.model_validate({"correct": 1, **change})
    error = invalid(caught.value)

    assert (error.param, error.code) == (param, code)


def test_a_label_without_a_time_is_of_now_and_none_is_of_later() -> None:
    """Clocks of two machines may differ a little."""
    now = time.time()

    assert LabelIn(key=KEY, correct=1).label(now).at == now
    assert LabelIn(key=KEY, correct=1, at=5.0).label(now).at == 5.0
    assert LabelIn(key=KEY, correct=1, at=now + CLOCKS_APART_S / 2).label(now).at == now


def test_a_label_states_nothing_that_was_not_said() -> None:
    """It does not count as random, nor as somebody's."""
    label = LabelIn(key=KEY, correct=0.5).label(1.0)

    assert (label.correct, label.random, label.who) == (0.5, None, None)


@pytest.mark.parametrize("count", ["120", True, -1, 1.0])
def test_a_count_of_exported_labels_is_a_whole_number(count: Any) -> None:
    """Text and truths are mistakes."""
    with pytest.raises(ValidationError):
        ExportedIn.model_validate({"labels": count})


def test_labels_come_at_least_one_at_a_time() -> None:
    """An empty list is a mistake of the client."""
    with pytest.raises(ValidationError):
        LabelsIn(labels=[])


GOOD = {"key": KEY, "correct": 1}


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"at": 4e12}, "labels.1.at"),
        ({"key": None}, "labels.1.key"),
        ({"candidate": "c"}, "labels.1.key"),
        ({"correct": 2}, "labels.1.correct"),
        ({"who": "a\0b"}, "labels.1.who"),
    ],
)
def test_a_wrong_label_of_many_is_named_by_its_place(change: dict[str, Any], param: str) -> None:
    """Whichever check refuses it: the message begins with it."""
    with pytest.raises(ValidationError) as caught:
        LabelsIn.model_validate({"labels": [GOOD, {**GOOD, **change}]})
    error = invalid(caught.value)

    assert error.param == param
    assert str(error).startswith(f"{param}: ")


@pytest.mark.parametrize("who", ["ann ", " ann", "ann\u200b", "ann\n"])
def test_an_annotator_is_named_without_blanks_around(who: str) -> None:
    """Two spellings that look alike are one."""
    assert LabelIn(key=KEY, correct=1, who=who).label(1.0).who == "ann"
    assert LabelIn(key=KEY, correct=1, who=" ").label(1.0).who is None


@pytest.mark.parametrize("who", ["a\0b", "a\u200bb", "a\u202eb"])
def test_a_name_that_hides_characters_is_refused(who: str) -> None:
    """It would look like another; joiners that words need are none of them."""
    with pytest.raises(ValidationError, match=r"has the character U\+"):
        LabelIn(key=KEY, correct=1, who=who)
    assert LabelIn(key=KEY, correct=1, who="\u0645\u06cc\u200c\u0631").label(1.0).who
