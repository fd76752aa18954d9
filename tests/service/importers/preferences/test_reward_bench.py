"""Results of RewardBench."""

from __future__ import annotations

import pytest

from assay.service.domain.errors import StartupError
from tests.support.tool_files import imported
from tests.support.tool_files.preferences import (
    reward_bench_2,
    reward_bench_columns,
    reward_bench_output,
)


def test_version_1_is_an_object_of_columns() -> None:
    """The chosen answer is right, the rejected one wrong; the model names the verifier."""
    rows, _ = imported("rewardbench", [reward_bench_columns()], "scores")

    assert [(row["query_id"], row["candidate"], row["scores"], row["label"]) for row in rows] == [
        ("30", "chosen", {"org/reward": 2.5}, 1.0),
        ("30", "rejected", {"org/reward": 0.5}, 0.0),
        ("31", "chosen", {"org/reward": -1.0}, 1.0),
        ("31", "rejected", {"org/reward": 0.25}, 0.0),
    ]
    assert rows[0]["text"] == "user: a\nassistant: right"


def test_several_models_are_several_verifiers_of_the_same_answers() -> None:
    """Joined by subset, id and side."""
    files = {
        "x": [reward_bench_columns("org/x")],
        "y": [reward_bench_columns("org/y", scores_chosen=[7.0, None])],
    }

    rows, _ = imported("rewardbench", files, "scores")

    assert [row["scores"] for row in rows[::2]] == [
        {"org/x": 2.5, "org/y": 7.0},
        {"org/x": -1.0, "org/y": None},
    ]


def test_outputs_have_the_prompt_and_become_rankings() -> None:
    """The answers lose the prompt that they begin with."""
    lines = [reward_bench_output("2+2?\n", 1.5, -0.5), reward_bench_output("é?\n", 0.0, 0.5)]

    rows, _ = imported("rewardbench", lines, "rankings")

    assert rows[0] == {
        "id": "0",
        "query": "2+2?\n",
        "candidates": [{"id": "chosen", "text": "right"}, {"id": "rejected", "text": "wrong"}],
        "labels": [1.0, 0.0],
    }
    assert rows[1]["id"] == "1"


def test_all_scores_without_texts() -> None:
    """`…_all.jsonl` holds numbers alone."""
    rows, _ = imported("rewardbench", [{"chosen": 1.5, "rejected": 2.5}], "scores")

    assert [(row["scores"], row["label"]) for row in rows] == [
        ({"reward": 1.5}, 1.0),
        ({"reward": 2.5}, 0.0),
    ]


def test_version_2_has_the_right_answers_first() -> None:
    """Ties have several; some models write each score as a list."""
    lines = [
        reward_bench_2("7", [0.5, 0.25, [-1.0], 0.125]),
        reward_bench_2("tied:3", [1.0, 0.5, 0.0], 2, subset="Ties", results=None),
    ]

    rows, _ = imported("rewardbench", lines, "scores")

    assert [row["label"] for row in rows] == [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0]
    assert [row["scores"]["reward"] for row in rows[:4]] == [0.5, 0.25, -1.0, 0.125]
    assert {row["query_id"] for row in rows} == {"7", "tied:3"}


def test_version_2_as_an_object_of_columns() -> None:
    """As it is uploaded."""
    columns = {
        name: [value, value]
        for name, value in reward_bench_2("7", [0.5, 0.25]).items()
        if name != "id"
    }

    rows, _ = imported("rewardbench", [{**columns, "id": ["7", "8"], "model": "m"}], "scores")

    assert [(row["query_id"], row["scores"]) for row in rows] == [
        ("7", {"m": 0.5}),
        ("7", {"m": 0.25}),
        ("8", {"m": 0.5}),
        ("8", {"m": 0.25}),
    ]


def test_messages_end_with_the_answer() -> None:
    """Those before it are the query."""
    turns = [{"role": "user", "content": "2+2?"}]
    line = reward_bench_columns(
        id=["a"],
        subset=["chat"],
        results=[1],
        scores_chosen=[1.0],
        scores_rejected=[0.0],
        text_chosen=[[*turns, {"role": "assistant", "content": "4"}]],
        text_rejected=[[*turns, {"role": "assistant", "content": ""}]],
    )

    rows, _ = imported("rewardbench", [line], "rankings")

    assert rows[0]["messages"] == turns
    assert [candidate["text"] for candidate in rows[0]["candidates"]] == ["4", ""]
    assert rows[0]["subset"] == "chat"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (reward_bench_columns(scores_chosen=[1.0]), "columns: must have one length"),
        (
            reward_bench_columns(scores_chosen=["high", 1.0]),
            "0.scores_chosen: must be a number (got 'high')",
        ),
        (reward_bench_2("7", [0.5], 3), "num_correct: must be from 0 to 1 (got '3.0')"),
        (reward_bench_2("7", [0.5, 0.25], text=["a"]), "scores: are 2, and the texts 1"),
    ],
)
def test_a_bad_row_is_named_with_its_place(row: dict[str, object], problem: str) -> None:
    """File, line, field, value."""
    with pytest.raises(StartupError) as refused:
        imported("rewardbench", [row], "scores")

    assert f"f.jsonl:1: {problem}" in str(refused.value)


def test_an_id_that_stands_twice_is_refused() -> None:
    """Its candidates would have two scores of one verifier."""
    with pytest.raises(
        StartupError, match="candidate '0' of query '7' has a score of this verifier"
    ):
        imported("rewardbench", [reward_bench_2("7", [0.5, 0.25])] * 2, "scores")


def test_without_a_prompt_there_are_no_rankings() -> None:
    """With the reason."""
    with pytest.raises(StartupError, match="gives no rankings: 2 queries without a text"):
        imported("rewardbench", [reward_bench_columns()], "rankings")


@pytest.mark.parametrize(
    "row",
    [
        {"accuracy": 0.9, "num_prompts": 10, "model": "m"},
        {"prompt": "q", "chosen": "a", "rejected": "b", "chosen_reward": [1.2]},
        {"prompt": "q", "chosen": "a", "rejected": "b", "scores_chosen": 1.0},
        {"chosen": "a", "rejected": "b"},
        {},
    ],
)
def test_a_row_without_scores_is_no_result(row: dict[str, object]) -> None:
    """Such as the summary that lies beside the results: nothing is made up."""
    with pytest.raises(StartupError, match=r"f\.jsonl:1: scores_chosen: is missing: a result has"):
        imported("rewardbench", [row], "scores")
