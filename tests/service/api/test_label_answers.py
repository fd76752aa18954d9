"""Answers about labels."""

from __future__ import annotations

from assay.service.api.label_answers import (
    LabelPage,
    listing,
    sent_labels,
    taken_answer,
    withdrawn_answer,
)
from assay.service.api.label_requests import LabelsIn
from assay.service.domain.labels import Label

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
    assert (sent.places, sent.conflicts) == ((0, 1, 0), ((0, 2),))
    answer = taken_answer(sent, ["new", "changed"], {KEYS[1]})
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
