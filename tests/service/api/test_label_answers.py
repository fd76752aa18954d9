"""Answers about labels."""

from __future__ import annotations

import pytest

from assay.service.api.label_answers import (
    LabelPage,
    listing,
    sent_labels,
    taken_answer,
    withdrawn_answer,
)
from assay.service.api.label_requests import LabelsIn
from assay.service.domain.labels import Label, LabelWrites, Outcome

KEYS = [f"{place:032x}:{place:032x}" for place in range(3)]


def test_labels_of_one_moment_and_annotator_are_one() -> None:
    """One label that is random makes the candidate's random; others keep their places."""
    payload = LabelsIn.model_validate(
        {
            "labels": [
                {"key": KEYS[0], "correct": 1, "who": "ann"},
                {"key": KEYS[1], "correct": 1, "comment": "sure"},
                {"key": KEYS[0], "correct": 0.5, "who": "ann", "random": True},
            ]
        }
    )

    sent = sent_labels(payload, 5.0)

    assert sent.labels == (
        (KEYS[0], Label(0.75, True, "ann", 5.0)),
        (KEYS[1], Label(1.0, None, None, 5.0, "sure")),
    )
    assert (sent.places, sent.contradictions) == ((0, 1, 0), ((0, 2),))
    answer = taken_answer(sent, LabelWrites(("new", "changed"), True), {KEYS[1]})
    assert [result["outcome"] for result in answer["results"]] == ["new", "changed", "unchanged"]
    assert (answer["new"], answer["changed"], answer["unchanged"]) == (1, 1, 1)
    assert (answer["matched"], answer["unmatched"]) == (1, 2)
    assert "labels.0 and labels.2" in answer["warnings"][1]


def test_withdrawals_are_counted() -> None:
    """Entries and labels: an entry may take several annotators' labels."""
    answer = withdrawn_answer(KEYS, [2, 0, 1])

    assert (answer["labels"], answer["withdrawn"], answer["unknown"]) == (3, 3, 1)


def test_a_page_after_the_last_label_is_empty() -> None:
    """It leads nowhere."""
    written = listing("t", {}, None, set(), LabelPage(5, KEYS[0]))

    assert b'"next":null,"labels":[]' in written


def test_equal_labels_of_one_moment_are_that_label() -> None:
    """To the last bit, however often they were sent."""
    label = {"key": KEYS[0], "correct": 0.7, "who": "ann"}
    sent = sent_labels(LabelsIn.model_validate({"labels": [label] * 3}), 5.0)

    assert sent.labels == ((KEYS[0], Label(0.7, None, "ann", 5.0)),)
    assert sent.contradictions == ()


@pytest.mark.parametrize(("outcome", "count"), [("older", 1), ("older", 3), ("withdrawn", 2)])
def test_labels_that_do_not_count_are_warned_of(outcome: Outcome, count: int) -> None:
    """An import of an old file must not pass for one that changes nothing."""
    payload = LabelsIn.model_validate({"labels": [{"key": key, "correct": 1} for key in KEYS]})
    others: list[Outcome] = ["unchanged"] * (3 - count)
    writes = LabelWrites((*[outcome] * count, *others), True)

    answer = taken_answer(sent_labels(payload, 5.0), writes, set(KEYS))

    assert (answer[outcome], answer["unchanged"]) == (count, 3 - count)
    [warning] = answer["warnings"]
    assert warning.startswith(f"{outcome}: {count} labels do not count: ")


def test_what_was_withdrawn_and_who_is_at_odds_is_counted_and_told() -> None:
    """With the place of the first of them."""
    payload = LabelsIn.model_validate({"labels": [{"key": key, "correct": 1} for key in KEYS]})
    writes = LabelWrites(("withdrawn", "new", "new"), True, frozenset(KEYS[1:]))

    answer = taken_answer(sent_labels(payload, 5.0), writes, set(KEYS))

    assert (answer["withdrawn"], answer["new"], answer["conflicts"]) == (1, 2, 2)
    assert [warning.split(":")[0] for warning in answer["warnings"]] == ["conflict", "withdrawn"]
    assert "first labels.1" in answer["warnings"][0]
