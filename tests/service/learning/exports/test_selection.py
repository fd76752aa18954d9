"""Which candidates make rows: labels win over the model."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from assay.service.learning.exports.candidates import ExportCandidate
from assay.service.learning.exports.options import LEAST_P, ExportFormat, ExportOptions
from assay.service.learning.exports.selection import SELECTORS

Stated = float | None | tuple[float | None, float]


def candidates(**stated: Stated) -> list[ExportCandidate]:
    """Return candidates by probability, or by label and probability, best first."""
    listed = []
    for key, value in stated.items():
        label, probability = value if isinstance(value, tuple) else (None, value)
        listed.append(
            ExportCandidate(
                key=key,
                label=label,
                score=None if probability is None else probability - 0.5,
                judged=probability is not None,
                probability=probability,
                chance=probability if label is None else label,
            )
        )
    return sorted(listed, key=lambda candidate: candidate.place, reverse=True)


def selected(
    how: ExportFormat, stated: dict[str, Stated], **options: Any
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Return rows and what is left out."""
    left_out = Counter[str]()
    asked = ExportOptions(format=how, **{"min_p": LEAST_P[how], **options})
    rows = [
        row.candidates | row.columns
        for row in SELECTORS[how](candidates(**stated), asked, left_out)
    ]
    return rows, dict(left_out)


@pytest.mark.parametrize(
    ("stated", "chosen", "rejected"),
    [
        ({"a": 0.9, "b": 0.5, "c": 0.1}, "a", "c"),
        ({"top": (0.0, 0.95), "b": 0.8, "c": 0.1}, "b", "top"),
        ({"top": (0.0, 0.95), "low": (1.0, 0.05)}, "low", "top"),
        ({"a": 0.9, "low": (1.0, 0.05), "c": 0.3}, "low", "c"),
        ({"a": (0.7, 0.2), "b": (0.3, 0.9)}, "a", "b"),
        ({"split": (0.5, 0.99), "b": 0.9, "c": 0.2}, "b", "c"),
    ],
)
def test_labels_win_over_the_model(stated: dict[str, Stated], chosen: str, rejected: str) -> None:
    """What a person calls wrong is never chosen; what a person calls right is never rejected."""
    [row], left_out = selected("dpo", stated)

    assert (row["chosen"], row["rejected"], left_out) == (chosen, rejected, {})


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ({"a": 0.9}, "one_candidate"),
        ({"a": 0.9, "b": None}, "no_score"),
        ({"a": (0.0, 0.9), "b": (0.0, 0.2)}, "labelled_wrong"),
        ({"a": (0.5, 0.9), "b": (0.0, 0.2)}, "labelled_wrong"),
        ({"a": (1.0, 0.9), "b": (1.0, 0.2)}, "labelled_right"),
        ({"a": 0.45, "b": 0.1}, "probably_wrong"),
        ({"a": (0.0, 0.9), "b": 0.4, "c": 0.1}, "probably_wrong"),
        ({"a": 0.6, "b": 0.5}, "below_min_gap"),
        ({"a": 0.95, "b": 0.7}, "probably_right"),
        ({"a": (1.0, 0.9), "b": 0.53}, "probably_right"),
    ],
)
def test_other_prompts_make_no_pair(stated: dict[str, Stated], reason: str) -> None:
    """And are counted by reason."""
    assert selected("dpo", stated) == ([], {reason: 1})


def test_a_pair_keeps_to_the_limits_that_are_stated() -> None:
    """`min_p` of the chosen answer, `min_gap` between both."""
    stated: dict[str, Stated] = {"a": 0.8, "b": 0.3}

    assert selected("dpo", stated, min_p=0.9) == ([], {"below_min_p": 1})
    assert selected("dpo", stated, min_gap=0.6) == ([], {"below_min_gap": 1})
    assert len(selected("dpo", stated, min_p=0.8, min_gap=0.4)[0]) == 1


def test_probably_wrong_answers_are_chosen_on_request_alone() -> None:
    """Never one that a person called wrong."""
    [row], _ = selected("dpo", {"a": 0.4, "b": 0.1}, min_p=0.3, probably_wrong=True)
    none, left_out = selected(
        "dpo", {"a": (0.0, 0.4), "b": 0.1}, min_p=0.0, min_gap=0.0, probably_wrong=True
    )

    assert (row["chosen"], row["probability_chosen"]) == ("a", 0.4)
    assert selected("dpo", {"a": 0.4, "b": 0.1}, min_p=0.3)[1] == {"probably_wrong": 1}
    assert [pair["chosen"] for pair in none] == ["b"]
    assert left_out == {}


def test_a_pair_has_labels_probabilities_and_scores() -> None:
    """None where there is none."""
    [row], _ = selected("dpo", {"a": (1.0, 0.4), "b": 0.1})

    assert row == {
        "chosen": "a",
        "rejected": "b",
        "label_chosen": 1.0,
        "label_rejected": None,
        "probability_chosen": 0.4,
        "probability_rejected": 0.1,
        "score_chosen": pytest.approx(-0.1),
        "score_rejected": pytest.approx(-0.4),
    }


def test_kto_marks_what_is_clear() -> None:
    """By label first; the rest is counted."""
    rows, left_out = selected(
        "kto",
        {
            "top": (0.0, 0.95),
            "low": (1.0, 0.05),
            "a": 0.9,
            "b": 0.1,
            "between": 0.6,
            "split": (0.5, 0.9),
            "unsure": (0.6, 0.9),
            "none": None,
        },
    )

    marks = {row["completion"]: (row["label"], row["human_label"]) for row in rows}
    assert marks == {
        "top": (False, 0.0),
        "low": (True, 1.0),
        "a": (True, None),
        "b": (False, None),
    }
    assert left_out == {"unclear": 3, "no_score": 1}


@pytest.mark.parametrize(
    ("stated", "completion"),
    [
        ({"a": 0.8, "b": 0.2}, "a"),
        ({"a": (0.0, 0.95), "b": 0.8}, "b"),
        ({"a": 0.95, "b": (1.0, 0.1)}, "b"),
    ],
)
def test_one_answer_of_a_prompt_is_imitated(stated: dict[str, Stated], completion: str) -> None:
    """The best that no person calls wrong."""
    [row], _ = selected("sft", stated)

    assert row["completion"] == completion


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ({"a": 0.6, "b": 0.2}, "below_min_p"),
        ({"a": 0.4}, "probably_wrong"),
        ({"a": (0.2, 0.9)}, "labelled_wrong"),
        ({"a": None}, "no_score"),
    ],
)
def test_no_answer_is_imitated_that_may_be_wrong(stated: dict[str, Stated], reason: str) -> None:
    """The reason is counted."""
    assert selected("sft", stated) == ([], {reason: 1})


def test_the_target_of_a_reward_is_the_label_or_else_the_probability() -> None:
    """Every candidate that has either, best first."""
    rows, left_out = selected("reward", {"a": (0.0, 0.9), "b": 0.8, "c": (0.25, 0.4), "d": None})

    assert [(row["completion"], row["target"], row["label"]) for row in rows] == [
        ("b", 0.8, None),
        ("c", 0.25, 0.25),
        ("a", 0.0, 0.0),
    ]
    assert left_out == {"no_score": 1}


@pytest.mark.parametrize(("judged", "reason"), [(True, "uncalibrated"), (False, "nothing_judged")])
@pytest.mark.parametrize("how", SELECTORS)
def test_scores_without_probability_make_no_row(
    how: ExportFormat, judged: bool, reason: str
) -> None:
    """Labels do; a score that says nothing of correctness has another reason."""
    unread = [
        ExportCandidate(
            key=key, label=None, score=1.0, judged=judged, probability=None, chance=None
        )
        for key in "ab"
    ]
    left_out = Counter[str]()

    rows = list(SELECTORS[how](unread, ExportOptions(format=how, min_p=0.5), left_out))

    assert (rows, set(left_out)) == ([], {reason})


@pytest.mark.parametrize(
    ("stated", "rejected"),
    [
        ({"a": 0.95, "b": 0.7}, "b"),
        ({"a": (1.0, 0.9), "b": 0.6, "c": (1.0, 0.1)}, "b"),
    ],
)
def test_probably_right_answers_are_rejected_on_request_alone(
    stated: dict[str, Stated], rejected: str
) -> None:
    """Never one that a person called right; what a person called wrong needs no request."""
    [row], _ = selected("dpo", stated, probably_wrong=True)
    [labelled], _ = selected("dpo", {"a": 0.95, "b": (0.0, 0.7)})

    assert (row["rejected"], labelled["rejected"]) == (rejected, "b")
    assert selected("dpo", stated)[1] == {"probably_right": 1}


@pytest.mark.parametrize(
    ("how", "stated", "options"),
    [
        ("dpo", {"a": (0.6, 0.0), "b": (0.4, 0.0)}, {"min_gap": 0.2}),
        ("dpo", {"a": (0.9, 0.0), "b": (0.3, 0.0)}, {"min_gap": 0.6}),
        ("kto", {"a": (0.1, 0.0)}, {"min_p": 0.9}),
        ("kto", {"a": (0.2, 0.0)}, {"min_p": 0.8}),
        ("kto", {"a": 0.1 + 0.2}, {"min_p": 0.7}),
        ("sft", {"a": 0.7 + 0.1}, {"min_p": 0.8}),
        ("reward", {"a": 0.7 - 0.4}, {"min_p": 0.3}),
    ],
)
def test_a_value_at_its_bound_makes_a_row(
    how: ExportFormat, stated: dict[str, Stated], options: dict[str, float]
) -> None:
    """Differences of decimal numbers are a little less than they look."""
    rows, left_out = selected(how, stated, **options)

    assert (len(rows), left_out) == (1, {})


@pytest.mark.parametrize(
    ("how", "stated", "options"),
    [
        ("dpo", {"a": (0.6, 0.0), "b": (0.4001, 0.0)}, {"min_gap": 0.2}),
        ("kto", {"a": (0.1001, 0.0)}, {"min_p": 0.9}),
        ("reward", {"a": 0.2999}, {"min_p": 0.3}),
    ],
)
def test_a_value_short_of_its_bound_makes_none(
    how: ExportFormat, stated: dict[str, Stated], options: dict[str, float]
) -> None:
    """The tolerance is that of binary numbers, not of labels."""
    assert selected(how, stated, **options)[0] == []


@pytest.mark.parametrize(("best", "worst"), [(0.9, 0.6), (0.69, 0.51)])
def test_before_calibration_the_order_counts_for_rejected_answers_too(
    best: float, worst: float
) -> None:
    """As `uncalibrated` has it: no probability, and a chance above 0.5 is not rejected."""
    unrated = [replace(candidate, probability=None) for candidate in candidates(a=best, b=worst)]
    left_out = Counter[str]()
    stated = ExportOptions(format="dpo", min_p=0.5, min_gap=0.1, uncalibrated=True)
    wanted = replace(stated, probably_wrong=True)

    assert list(SELECTORS["dpo"](unrated, stated, left_out)) == []
    assert left_out == {"probably_right": 1}
    assert len(list(SELECTORS["dpo"](unrated, wanted, left_out))) == 1
