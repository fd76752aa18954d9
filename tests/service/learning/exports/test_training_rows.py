"""Ranked traffic as training data."""

from __future__ import annotations

from typing import get_args

import pytest

from assay.service.learning.exports.options import EXPORT_COLUMNS, ExportFormat
from tests.support.exports import conversation, exported, key_of, ranked


@pytest.mark.parametrize("how", get_args(ExportFormat))
def test_a_request_without_texts_makes_no_row(how: ExportFormat) -> None:
    """Training needs texts; how many lack them is counted."""
    rows, planned = exported(how, [ranked("q", {"a": 0.9, "b": 0.1}, texts=False)])

    assert (rows, planned.left_out) == ([], {"no_text": 1})


@pytest.mark.parametrize("how", get_args(ExportFormat))
def test_a_shape_has_its_columns_in_order(how: ExportFormat) -> None:
    """Among them the version that read the scores."""
    rows, _ = exported(how, [ranked("q?", {"a": 0.9, "b": 0.1})])

    assert tuple(rows[0]) == EXPORT_COLUMNS[how]
    assert (rows[0]["prompt"], rows[0]["model_version"]) == ("q?", "t@3")


def test_a_prompt_comes_once_whichever_requests_hold_its_answers() -> None:
    """The best and the worst of all its requests, over pages."""
    records = [
        ranked("q", {"a": 0.8, "b": 0.3}),
        ranked("other", {"x": 0.9, "y": 0.1}),
        ranked("another", {"x": 0.9, "y": 0.1}),
        ranked("q", {"c": 0.95, "d": 0.5}),
        ranked("q", {"e": 0.6, "f": 0.02}),
    ]

    rows, planned = exported("dpo", records)

    pairs = {row["prompt"]: (row["chosen"], row["rejected"]) for row in rows}
    assert pairs == {"q": ("c", "f"), "other": ("x", "y"), "another": ("x", "y")}
    assert len(rows) == 3
    assert planned.left_out == {"repeated_prompt": 2}


def test_a_conversation_stays_a_list_of_messages() -> None:
    """Answers are an assistant's messages; a single question beside it is a user's."""
    talk = conversation("be brief", "hi", "hello", "2+2?")

    rows, _ = exported(
        "dpo", [ranked(talk, {"4": 0.9, "5": 0.1}), ranked("q", {"a": 0.9, "b": 0.1})]
    )

    assert [row["prompt"] for row in rows] == [
        [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "hello"},
            {"role": "user", "content": "2+2?"},
        ],
        [{"role": "user", "content": "q"}],
    ]
    assert rows[0]["chosen"] == [{"role": "assistant", "content": "4"}]
    assert rows[0]["rejected"] == [{"role": "assistant", "content": "5"}]


def test_a_conversation_that_makes_no_row_leaves_the_others_texts() -> None:
    """The form follows from the rows that are written."""
    talk = conversation("be brief", "2+2?")

    rows, planned = exported(
        "sft", [ranked(talk, {"4": 0.2}), ranked("q", {"a": 0.9}), ranked("r", {"a": 0.1})]
    )

    assert [(row["prompt"], row["completion"]) for row in rows] == [("q", "a")]
    assert planned.left_out == {"probably_wrong": 2}


def test_a_label_of_a_person_decides_a_row() -> None:
    """The top of the model is rejected, though its probability is the highest."""
    labels = {key_of("q", "top"): 0.0, key_of("q", "low"): 1.0}

    [pair], _ = exported("dpo", [ranked("q", {"top": 0.99, "low": 0.01, "c": 0.5})], labels)
    marked, _ = exported("kto", [ranked("q", {"top": 0.99, "low": 0.01})], labels)

    assert (pair["chosen"], pair["rejected"]) == ("low", "top")
    assert {row["completion"]: row["label"] for row in marked} == {"top": False, "low": True}


@pytest.mark.parametrize("uncalibrated", [False, True])
def test_an_uncalibrated_task_makes_rows_of_labels_alone(uncalibrated: bool) -> None:
    """Unless the order is asked for; a probability is in no row."""
    records = [ranked("q", {"a": 0.9, "b": 0.1}), ranked("r", {"a": 0.9, "b": 0.1})]
    labels = {key_of("q", "a"): 0.0, key_of("q", "b"): 1.0}

    rows, planned = exported("dpo", records, labels, calibrated=False, uncalibrated=uncalibrated)

    assert {row["prompt"]: row["chosen"] for row in rows} == (
        {"q": "b", "r": "a"} if uncalibrated else {"q": "b"}
    )
    assert {row["probability_chosen"] for row in rows} == {None}
    assert planned.left_out == ({} if uncalibrated else {"uncalibrated": 1})


def test_nothing_kept_makes_nothing() -> None:
    """An empty export is no failure."""
    rows, planned = exported("reward", [])

    assert (rows, planned.rows, planned.left_out) == ([], [], {})
