"""Details of lighteval."""

from __future__ import annotations

import pytest

from assay.service.domain.errors import StartupError
from tests.support.tool_files import imported
from tests.support.tool_files.evaluations import (
    lighteval_choice,
    lighteval_detail,
    lighteval_flat,
)


@pytest.mark.parametrize("marked", [True, False])
def test_an_answer_of_todays_form(marked: bool) -> None:
    """The metric is the label, the gold the reference."""
    detail = lighteval_detail("1", ["It is 2."], {"extractive_match": 1.0, "em": 0.0}, marked)

    rows, wish = imported("lighteval", [detail], "rankings")

    assert rows == [
        {
            "id": "1",
            "query": "What is 1+1?",
            "reference": "2",
            "candidates": ["It is 2."],
            "labels": [1.0],
        }
    ]
    assert wish.understood["labels"] == "extractive_match; left out: em"


def test_several_samples_have_no_label_each() -> None:
    """The metric is of all of them together; empty answers stay."""
    detail = lighteval_detail("1", ["2", "", "zwölf"], {"pass@k:k=1&n=3": 0.33}, False)

    rows, _ = imported("lighteval", [detail], "rankings")

    assert rows[0]["candidates"] == ["2", "", "zwölf"]
    assert "labels" not in rows[0]


@pytest.mark.parametrize(("gold", "labels"), [(1, [0, 1, 0]), ([0, 2], [1, 0, 1])])
def test_a_multiple_choice(gold: object, labels: list[float]) -> None:
    """Several options may be right."""
    rows, _ = imported("lighteval", [lighteval_choice("0", [-3.0, -1.0, -2.0], gold)], "scores")

    assert [row["scores"] for row in rows] == [
        {"loglikelihood": -3.0},
        {"loglikelihood": -1.0},
        {"loglikelihood": -2.0},
    ]
    assert [row["label"] for row in rows] == labels


@pytest.mark.parametrize("written", [["It is 2."], "['It is 2.']"])
def test_an_answer_of_the_older_form(written: object) -> None:
    """Its lists were once written as texts."""
    rows, _ = imported("lighteval", [lighteval_flat("1+1?", written)], "rankings")

    assert rows[0]["query"] == "1+1?"
    assert (rows[0]["candidates"], rows[0]["labels"]) == (["It is 2."], [1.0])


def test_a_multiple_choice_of_the_older_form() -> None:
    """Each prediction is a likelihood, and whether it is the likeliest text."""
    detail = lighteval_flat(
        "Capital?", [[-2.0, False], [-1.0, True]], choices=[" Lyon", " Paris"], gold_index=1
    )

    rows, _ = imported("lighteval", [detail], "scores")

    assert [row["scores"]["loglikelihood"] for row in rows] == [-2.0, -1.0]
    assert [row["label"] for row in rows] == [0.0, 1.0]


def test_two_models_answers_become_one_query() -> None:
    """Named after their files."""
    files = {
        name: [lighteval_detail("1", [text], {"em": float(text == "2")}, False)]
        for name, text in (("big", "2"), ("small", "3"))
    }

    rows, _ = imported("lighteval", files, "rankings")

    assert rows[0]["candidates"] == [{"id": "big", "text": "2"}, {"id": "small", "text": "3"}]
    assert rows[0]["labels"] == [1.0, 0.0]


def test_a_sample_that_stands_twice_is_refused() -> None:
    """Within one file."""
    detail = lighteval_detail("1", ["2"], {"em": 1.0}, False)

    with pytest.raises(StartupError, match=r"f\.jsonl:2: id: is on line 1 as well"):
        imported("lighteval", [detail, detail], "rankings")


@pytest.mark.parametrize(
    ("predictions", "problem"),
    [
        ("['a', ", "predictions: must be a list, also where it is written as a text"),
        ("[" * 3000, "predictions: is too long or too deep a list"),
        ("__import__('os')", "predictions: must be a list (got"),
        ([5.0, 6.0], "choices: are 1, and the likelihoods 2"),
    ],
)
def test_bad_predictions_are_refused(predictions: object, problem: str) -> None:
    """No text is run, and none nests deeply."""
    with pytest.raises(StartupError) as refused:
        imported("lighteval", [lighteval_flat("1+1?", predictions)], "rankings")

    assert f"f.jsonl:1: {problem}" in str(refused.value)


def test_a_missing_query_is_named_with_its_part() -> None:
    """The field's path shows where."""
    detail = lighteval_detail("1", ["2"], {"em": 1.0}, False)
    del detail["doc"]["query"]

    with pytest.raises(StartupError, match=r"f\.jsonl:1: doc\.query: must be a text"):
        imported("lighteval", [detail], "rankings")


@pytest.mark.parametrize("gold", [[], [7], None])
def test_gold_that_names_no_option_is_counted(gold: object) -> None:
    """And not claimed as a label."""
    rows, wish = imported("lighteval", [lighteval_choice("1", [-3.0, -1.0, -2.0], gold)], "scores")

    assert all("label" not in row for row in rows)
    assert wish.understood["labels"].startswith("none")
    assert wish.unlabelled == {"samples whose gold_index names no option": 1}


def test_a_metric_without_a_value_is_counted() -> None:
    """NaN is no label."""
    detail = lighteval_detail("1", ["2"], {"em": float("nan")}, marked=True)

    rows, wish = imported("lighteval", [detail], "rankings")

    assert "labels" not in rows[0]
    assert wish.unlabelled == {"samples without a value of em": 1}
