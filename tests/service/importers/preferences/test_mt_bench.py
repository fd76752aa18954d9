"""Judgments of MT-bench."""

from __future__ import annotations

import pytest

from assay.service.domain.errors import StartupError
from tests.support.tool_files import imported
from tests.support.tool_files.preferences import (
    mt_answer,
    mt_comparison,
    mt_human,
    mt_question,
    mt_rating,
)


def test_a_rating_is_the_judges_score_and_a_turn_a_query() -> None:
    """Turn and time are no verifiers; both prompts of a judge are one verifier."""
    judgments = [
        mt_rating(81, "vicuna", 9),
        mt_rating(81, "vicuna", 4.5, 2),
        mt_rating(81, "llama", 3),
    ]

    rows, _ = imported("mt-bench", judgments, "scores")

    assert [(row["query_id"], row["candidate"], row["scores"]) for row in rows] == [
        ("81:1", "vicuna", {"gpt-4": 9.0}),
        ("81:1", "llama", {"gpt-4": 3.0}),
        ("81:2", "vicuna", {"gpt-4": 4.5}),
    ]


def test_a_failed_rating_is_missing() -> None:
    """-1 is what the judge writes without one."""
    rows, wish = imported("mt-bench", [mt_rating(81, "vicuna", -1)], "scores")

    assert rows[0]["scores"] == {"gpt-4": None}
    assert wish.skipped == {"judgments without a rating (the score is missing)": 1}


@pytest.mark.parametrize(
    ("winners", "shares"),
    [
        (("model_1", "model_1"), (1.0, 0.0)),
        (("model_2", "model_2"), (0.0, 1.0)),
        (("model_1", "model_2"), (0.5, 0.5)),
        (("tie", "tie"), (0.5, 0.5)),
        (("error", "model_1"), (None, None)),
    ],
)
def test_a_comparison_gives_shares_of_wins(
    winners: tuple[str, str], shares: tuple[float | None, float | None]
) -> None:
    """Games that contradict each other are ties."""
    rows, _ = imported("mt-bench", [mt_comparison(81, ("a", "b"), winners)], "scores")

    assert tuple(row["scores"]["gpt-4:pair"] for row in rows) == shares


def test_ratings_and_comparisons_fit_together() -> None:
    """Two verifiers of the same candidates."""
    rows, _ = imported(
        "mt-bench",
        [
            mt_rating(81, "a", 9),
            mt_rating(81, "b", 2),
            mt_comparison(81, ("a", "b"), ("model_1", "model_1")),
            mt_comparison(81, ("a", "c"), ("model_2", "model_2")),
        ],
        "scores",
    )

    assert {row["candidate"]: row["scores"] for row in rows} == {
        "a": {"gpt-4": 9.0, "gpt-4:pair": 0.5},
        "b": {"gpt-4": 2.0, "gpt-4:pair": 0.0},
        "c": {"gpt-4": None, "gpt-4:pair": 1.0},
    }


def test_questions_and_answers_give_the_texts_of_first_turns() -> None:
    """The second turn's conversation differs between the models."""
    files = {
        "q": [mt_question(81)],
        "a": [mt_answer(81, "vicuna", "4")],
        "b": [mt_answer(81, "llama", "")],
        "j": [mt_rating(81, "vicuna", 9), mt_rating(81, "llama", 1), mt_rating(81, "llama", 1, 2)],
    }

    rows, wish = imported("mt-bench", files, "rankings")

    assert rows == [
        {
            "id": "81:1",
            "query": "2+2?",
            "candidates": [{"id": "vicuna", "text": "4"}, {"id": "llama", "text": ""}],
        }
    ]
    assert wish.skipped == {"queries without a text": 1}


def test_people_are_labels_and_models_scores() -> None:
    """In the human judgments, which hold the conversations."""
    judgments = [mt_human(81, "model_a"), mt_human(81, "tie", "expert_3")]
    judgments += [
        mt_human(81, "model_b", ["gpt4", "pair"]),
        mt_human(81, "model_b", "gpt4_pair", 2),
    ]

    rows, _ = imported("mt-bench", judgments, "scores")

    assert [(row["query_id"], row["text"], row.get("label")) for row in rows] == [
        ("81:1", "first of a", 0.75),
        ("81:1", "first of b", 0.25),
        ("81:2", "second of a", None),
        ("81:2", "second of b", None),
    ]
    assert [row["scores"]["gpt4:pair"] for row in rows] == [0.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (mt_rating(81, "a", 9, judge=None), "judge: must be a text (got 'null')"),
        (mt_rating(81, "a", 9, turn=3), "turn: must be 1 or 2 (got '3')"),
        ({**mt_human(81, "both")}, "winner: must be one of model_1"),
        ({**mt_human(81, "tie", turn=2), "conversation_a": []}, "must have 4 messages for turn 2"),
    ],
)
def test_a_bad_judgment_is_named_with_its_place(row: dict[str, object], problem: str) -> None:
    """File, line, field, value."""
    with pytest.raises(StartupError) as refused:
        imported("mt-bench", [mt_rating(80, "a", 9), row], "scores")

    assert "f.jsonl:2: " in str(refused.value)
    assert problem in str(refused.value)


def test_two_ratings_of_one_answer_are_refused() -> None:
    """By one judge: both lines and the turn are named."""
    rows = [mt_rating(81, "a", 9), mt_rating(81, "b", 7), mt_rating(81, "a", 8)]

    with pytest.raises(
        StartupError,
        match=r"f\.jsonl:3: .*: candidate 'a' of query '81:1' has a score of this verifier on line"
        " 1 already: remove one of the two",
    ):
        imported("mt-bench", rows, "scores")
