"""Exports of Label Studio."""

from __future__ import annotations

import pytest

from assay.service.domain.errors import StartupError
from tests.support.tool_files import imported
from tests.support.tool_files.annotation_tools import (
    PAIR,
    QA,
    studio_annotation,
    studio_flat,
    studio_result,
    studio_task,
)

TIME = "2026-01-02T03:04:06.000006Z"


def test_a_choice_of_the_json_export() -> None:
    """With who and when."""
    task = studio_task([studio_annotation([studio_result("choices", ["Correct"])])])

    rows, wish = imported("label-studio", [task], "labels")

    assert rows == [{"query": "2+2?", "candidate": "4", "correct": 1.0, "who": "7", "at": TIME}]
    assert wish.understood == {
        "query": "question",
        "candidate": "answer",
        "correct": "verdict (words for right and wrong)",
    }


def test_several_annotators_give_several_labels_and_cancelled_ones_none() -> None:
    """In the order of the file."""
    task = studio_task(
        [
            studio_annotation([studio_result("choices", ["No"])], {"id": 1, "email": "a@b.c"}),
            studio_annotation([studio_result("choices", ["Yes"])], 2, was_cancelled=True),
            studio_annotation([], 3),
            studio_annotation([studio_result("choices", ["Yes"])], 4),
        ]
    )

    rows, wish = imported("label-studio", [task, studio_task([])], "labels")

    assert [(row["who"], row["correct"]) for row in rows] == [("a@b.c", 0.0), ("4", 1.0)]
    assert wish.skipped == {
        "annotations that were cancelled": 1,
        "annotations without an answer": 1,
        "tasks without an annotation": 1,
    }


def test_ratings_need_their_scale_beyond_5() -> None:
    """Which `--scale` states."""
    task = studio_task([studio_annotation([studio_result("rating", 8)])])

    rows, _ = imported("label-studio", [task], "labels", scale=(0, 10))

    assert rows[0]["correct"] == 0.8
    with pytest.raises(StartupError, match=r"f\.jsonl:1: data\.verdict: must be from 1 to 5"):
        imported("label-studio", [task], "labels")


def test_the_better_of_two_labels_both() -> None:
    """Under a query."""
    task = studio_task([studio_annotation([studio_result("pairwise", "right", "better")])], PAIR)

    rows, _ = imported("label-studio", [task], "labels")

    assert [(row["candidate"], row["correct"]) for row in rows] == [("4", 0.0), ("5", 1.0)]
    assert {row["query"] for row in rows} == {"2+2?"}


def test_older_exports_say_completions() -> None:
    """And `skipped`."""
    task = studio_task([])
    task["completions"] = [
        studio_annotation([studio_result("choices", ["wrong"])]),
        {"skipped": True, "result": []},
    ]
    del task["annotations"]

    rows, wish = imported("label-studio", [task], "labels")

    assert [row["correct"] for row in rows] == [0.0]
    assert wish.skipped == {"annotations that were cancelled": 1}


@pytest.mark.parametrize(
    ("answers", "correct"),
    [
        ({"verdict": "Incorrect"}, 0.0),
        ({"verdict": [{"rating": 4}]}, 0.75),
        ({"verdict": '[{"rating": 4}]'}, 0.75),
        ({"verdict": [{"number": 2}]}, 0.25),
    ],
)
def test_json_min_and_csv(answers: dict[str, object], correct: float) -> None:
    """CSV writes lists as JSON."""
    rows, _ = imported("label-studio", [studio_flat(QA, **answers)], "labels")

    assert rows == [{"query": "2+2?", "candidate": "4", "correct": correct, "who": "7", "at": TIME}]


def test_a_flat_pair_and_a_field_that_a_question_shadows() -> None:
    """CSV renames a field with the name of a question."""
    pair = studio_flat(PAIR, better=[{"selected": "left"}])
    shadowed = studio_flat({"question": "2+2?", "_data_answer": "vier"}, answer="correct")

    rows = [
        label for row in (pair, shadowed) for label in imported("label-studio", [row], "labels")[0]
    ]

    assert [(row["candidate"], row["correct"]) for row in rows] == [
        ("4", 1.0),
        ("5", 0.0),
        ("vier", 1.0),
    ]


def test_several_questions_need_a_choice() -> None:
    """Nothing is guessed; `--map correct=…` chooses."""
    results = [studio_result("choices", ["yes"]), studio_result("rating", 2, "style")]
    task = studio_task([studio_annotation(results)])

    with pytest.raises(StartupError, match="has several answers: style, verdict: choose one"):
        imported("label-studio", [task], "labels")
    rows, _ = imported("label-studio", [task], "labels", "correct=style")
    assert rows[0]["correct"] == 0.25
    flat = studio_flat(QA, verdict="yes", other="no")
    with pytest.raises(StartupError, match="could be the label: verdict, other; choose one"):
        imported("label-studio", [flat], "labels")
    rows, _ = imported("label-studio", [flat], "labels", "correct=other")
    assert rows[0]["correct"] == 0.0


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (studio_task([5]), "annotations.0: must be an object (got '5')"),  # type: ignore[list-item]
        (
            studio_task([studio_annotation([studio_result("choices", ["so so"])])]),
            "data.verdict: is no word for right or wrong",
        ),
        (
            studio_task([studio_annotation([studio_result("choices", ["yes"])])], {"a": "b"}),
            "data.query: is missing: name it with --map query=…; fields: a",
        ),
    ],
)
def test_a_bad_row_is_named_with_its_place(row: dict[str, object], problem: str) -> None:
    """File, line, field, value."""
    good = studio_task([studio_annotation([studio_result("choices", ["yes"])])])

    with pytest.raises(StartupError) as refused:
        imported("label-studio", [good, row], "labels")

    assert f"f.jsonl:2: {problem}" in str(refused.value)


def test_an_export_without_labels_is_refused() -> None:
    """With the reason."""
    with pytest.raises(StartupError, match="gives no labels: 1 tasks without an annotation"):
        imported("label-studio", [studio_task([])], "labels")


@pytest.mark.parametrize("empty", [None, "", []])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_flat_row_without_an_answer_is_skipped_and_counted(place: int, empty: object) -> None:
    """Wherever it stands: other rows name the question."""
    rows = [studio_flat(QA, verdict=word) for word in ("Correct", "Wrong")]
    rows.insert(place, studio_flat(QA, verdict=empty))

    labels, wish = imported("label-studio", rows, "labels")

    assert [label["correct"] for label in labels] == [1.0, 0.0]
    assert wish.skipped == {"annotations without an answer": 1}


@pytest.mark.parametrize("value", [{"choices": ["Incorrect"]}, '{"choices": ["Wrong"]}', ["No"]])
def test_a_choice_in_an_object_or_a_list_is_read(value: object) -> None:
    """Beside plain words."""
    rows = [studio_flat(QA, verdict="Correct"), studio_flat(QA, verdict=value)]

    labels, _ = imported("label-studio", rows, "labels")

    assert [label["correct"] for label in labels] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ({"verdict": "perhaps"}, r"f\.jsonl:2: verdict: is no word for right or wrong"),
        ({"fluency": "good"}, r"f\.jsonl:2: correct: answers that could be the label: verdict, fl"),
    ],
)
def test_another_word_or_question_is_refused(answers: dict[str, object], problem: str) -> None:
    """Neither is skipped in silence."""
    rows = [studio_flat(QA, verdict="Correct"), studio_flat(QA, **answers)]

    with pytest.raises(StartupError, match=problem):
        imported("label-studio", rows, "labels")
