"""Logs of Inspect."""

from __future__ import annotations

import pytest

from assay.service.domain.errors import StartupError
from tests.support.tool_files import imported
from tests.support.tool_files.evaluations import inspect_log, inspect_sample


def test_epochs_are_candidates_and_letters_are_labels() -> None:
    """C, I, P and N are 1, 0, a half and 0."""
    samples = [
        inspect_sample(1, answer, {"match": letter}, epoch)
        for epoch, (answer, letter) in enumerate(zip("4567", "CIPN", strict=True), 1)
    ]

    rows, _ = imported("inspect", [inspect_log(samples)], "rankings")

    assert len(rows) == 1
    assert rows[0]["query"] == "What is 1?"
    assert [candidate["text"] for candidate in rows[0]["candidates"]] == ["4", "5", "6", "7"]
    assert [candidate["id"] for candidate in rows[0]["candidates"]] == ["1", "2", "3", "4"]
    assert rows[0]["labels"] == [1.0, 0.0, 0.5, 0.0]
    assert rows[0]["reference"] == "4"


def test_a_judge_is_a_score_beside_the_comparing_label() -> None:
    """And a score of several values is one for each."""
    scores = {"match": "C", "model_graded_qa": "P", "style": {"tone": 0.25, "clear": True}}

    rows, wish = imported("inspect", [inspect_log([inspect_sample("a", "4", scores)])], "scores")

    assert rows[0]["scores"] == {"model_graded_qa": 0.5, "style/tone": 0.25, "style/clear": 1.0}
    assert rows[0]["label"] == 1.0
    assert wish.understood["labels"] == "match; scores: model_graded_qa, style/tone, style/clear"


def test_a_judge_alone_is_no_label_unless_mapped() -> None:
    """What a model says is no truth."""
    log = inspect_log([inspect_sample("a", "4", {"model_graded_fact": "C"})])

    assert "labels" not in imported("inspect", [log], "rankings")[0][0]
    mapped, _ = imported("inspect", [log], "rankings", "label=model_graded_fact")
    assert mapped[0]["labels"] == [1.0]


def test_a_scorer_of_ones_own_is_the_label_where_it_is_the_only_one() -> None:
    """Numbers stay numbers; NaN is no score."""
    log = inspect_log(
        [
            inspect_sample(1, "x", {"mine": 0.75}),
            inspect_sample(2, "y", {"mine": float("nan")}),
        ]
    )

    rows, _ = imported("inspect", [log], "rankings")

    assert rows[0]["labels"] == [0.75]
    assert "labels" not in rows[1]


def test_messages_attachments_and_older_scores() -> None:
    """Long texts lie beside the sample; logs before 0.3.12 have one score."""
    sample = inspect_sample(
        1,
        "attachment://abc",
        {},
        input=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "2+2?"}]},
        ],
        attachments={"abc": "vier"},
        score={"value": "I"},
    )
    del sample["scores"]

    rows, _ = imported("inspect", [inspect_log([sample])], "rankings")

    assert [message["content"] for message in rows[0]["messages"]] == ["Be brief.", "2+2?"]
    assert rows[0]["candidates"] == [{"id": "1", "text": "vier"}]
    assert rows[0]["labels"] == [0.0]


def test_two_models_logs_become_candidates_of_one_query() -> None:
    """Named after their files and epochs."""
    files = {name: [inspect_log([inspect_sample(1, name, {"match": "C"})])] for name in ("a", "b")}

    rows, _ = imported("inspect", files, "rankings")

    assert [candidate["id"] for candidate in rows[0]["candidates"]] == ["a:1", "b:1"]


def test_samples_that_failed_are_skipped_with_the_reason() -> None:
    """Others stay; an empty answer is an answer."""
    samples = [
        inspect_sample(1, "", {"match": "I"}),
        inspect_sample(2, "x", {}, error={"message": "boom"}),
    ]

    rows, wish = imported("inspect", [inspect_log(samples)], "rankings")

    assert [row["candidates"] for row in rows] == [[{"id": "1", "text": ""}]]
    assert wish.skipped == {"samples that ended with an error": 1}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"id": None}, r"samples\.0\.id: must be a text or a whole number"),
        ({"output": []}, r"samples\.0\.output: must be an object"),
        ({"scores": {"match": "C"}}, r"samples\.0\.scores\.match: must be an object"),
        ({"input": 5}, r"samples\.0\.input: must be a list"),
    ],
)
def test_a_bad_sample_is_named_with_its_place(change: dict[str, object], problem: str) -> None:
    """In the log as well."""
    log = inspect_log([{**inspect_sample(1, "4", {"match": "C"}), **change}])

    with pytest.raises(StartupError, match=rf"f\.jsonl:1: {problem}"):
        imported("inspect", [log], "rankings")


def test_a_sample_twice_or_a_header_alone_is_refused() -> None:
    """Neither is guessed about."""
    sample = inspect_sample(1, "4", {"match": "C"})

    with pytest.raises(StartupError, match="this sample and epoch are on line 1 as well"):
        imported("inspect", [inspect_log([sample, sample])], "rankings")
    with pytest.raises(StartupError, match="samples: are missing: the log is a header only"):
        imported("inspect", [{**inspect_log([]), "samples": None}], "rankings")


@pytest.mark.parametrize("value", [7, "7", float("nan"), -1, "unsure"])
def test_a_value_that_is_no_label_is_counted_and_not_claimed(value: object) -> None:
    """Of a comparing scorer."""
    log = inspect_log([inspect_sample("a", "4", {"match": value})])

    rows, wish = imported("inspect", [log], "rankings")

    assert "labels" not in rows[0]
    assert wish.understood["labels"] == "none (looked for: match)"
    assert sum(wish.unlabelled.values()) == 1


def test_further_parts_of_a_comparing_scorer_are_left_out() -> None:
    """They are neither labels nor scores; a judge beside them is a score."""
    scores = {"match": {"a": 1, "b": 0}, "includes": "C", "model_graded_qa": "C"}

    rows, wish = imported("inspect", [inspect_log([inspect_sample("a", "4", scores)])], "scores")

    assert rows[0]["scores"] == {"model_graded_qa": 1.0}
    assert wish.understood["labels"] == (
        "match/a; scores: model_graded_qa; left out: match/b, includes"
    )


@pytest.mark.parametrize(
    ("status", "noted"), [("started", True), ("error", True), ("success", False)]
)
def test_a_run_that_did_not_end_well_is_noted(status: str, noted: bool) -> None:
    """Its samples are read."""
    log = {**inspect_log([inspect_sample("a", "4", {"match": "C"})]), "status": status}

    rows, wish = imported("inspect", [log], "rankings")

    assert rows[0]["labels"] == [1.0]
    assert wish.understood.get("status", "").startswith(status) is noted
