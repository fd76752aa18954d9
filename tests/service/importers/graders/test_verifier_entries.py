"""Each grader as an entry of `verifiers`."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.domain.errors import StartupError
from assay.service.importers.graders.verifier_entries import verifier_of
from assay.service.importers.tool_rows import ToolRow


def string_check(**changes: Any) -> ToolRow:
    """Return a string check."""
    grader = {
        "type": "string_check",
        "name": "x",
        "operation": "eq",
        "input": "{{sample.output_text}}",
        "reference": "{{item.reference_answer}}",
    }
    return ToolRow({**grader, **changes}, 1, "g.json")


def model_grader(kind: str, text: str, **more: Any) -> ToolRow:
    """Return a grader that asks a model."""
    grader = {
        "type": kind,
        "name": "x",
        "model": "gpt-x",
        "input": [{"role": "user", "content": text}],
        **more,
    }
    return ToolRow(grader, 1, "g.json")


@pytest.mark.parametrize(
    ("operation", "keys"),
    [
        ("eq", {"must": ["4\\.0"], "whole": True}),
        ("ne", {"must_not": ["4\\.0"], "whole": True}),
        ("like", {"must": ["4\\.0"]}),
        ("ilike", {"must": ["4\\.0"], "ignore_case": True}),
    ],
)
def test_a_check_for_a_text_is_a_pattern(operation: str, keys: dict[str, Any]) -> None:
    """It decides what is right."""
    entry = verifier_of(string_check(operation=operation, reference="4.0"), {})

    assert entry.keys == {"kind": "regex", "about": "correctness", **keys}


def test_a_check_against_the_item_compares_with_the_reference() -> None:
    """By value; a field of another name may be mapped."""
    assert verifier_of(string_check(), {}).keys == {"kind": "math_answer"}
    other = string_check(reference="{{item.city}}")
    assert verifier_of(other, {}).keys is None
    assert verifier_of(other, {"reference": "city"}).keys == {"kind": "math_answer"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"operation": "ne"}, "left out: no verifier compares ne"),
        ({"input": "{{item.question}}"}, "left out: its input is not the answer alone"),
    ],
)
def test_a_check_that_does_not_carry_over(changes: dict[str, str], reason: str) -> None:
    """Is left out, with the reason."""
    entry = verifier_of(string_check(**changes), {})

    assert entry.keys is None
    assert entry.remarks[0].startswith(reason)


def test_a_score_becomes_a_rating() -> None:
    """A range of whole numbers keeps its levels."""
    grader = model_grader(
        "score_model", "Q {{item.question}} A {{sample.output_text}}", range=[1, 7]
    )

    entry = verifier_of(grader, {})

    assert entry.keys is not None
    assert (entry.keys["kind"], entry.keys["levels"]) == ("judge_scale", 7)
    assert entry.keys["prompt"].startswith("Q {query} A {candidate}\n\nBy these instructions")


def test_a_score_with_a_reference_becomes_a_verdict() -> None:
    """Its system message stays one."""
    grader = model_grader("score_model", "")
    grader = ToolRow(
        {
            **grader.values,
            "input": [
                {"role": "system", "content": "Be strict."},
                {"role": "user", "content": "Ref {{item.answer}} vs {{sample.output_text}}"},
            ],
            "sampling_params": {"temperature": 1},
        },
        1,
    )

    entry = verifier_of(grader, {})

    assert entry.keys is not None
    assert (entry.keys["kind"], entry.keys["system"]) == ("judge_reference", "Be strict.")
    assert any("sampling_params do not carry over (temperature)" in each for each in entry.remarks)


def test_labels_become_a_verdict() -> None:
    """P(Yes) that the label is a passing one."""
    grader = model_grader(
        "label_model",
        "{{item.question}} {{sample.output_text}}",
        labels=["good", "fair", "bad"],
        passing_labels=["good", "fair"],
    )

    entry = verifier_of(grader, {})

    assert entry.keys is not None
    assert entry.keys["kind"] == "judge"
    assert "Is the candidate answer's label good or fair?" in entry.keys["prompt"]
    wrong = ToolRow({**grader.values, "passing_labels": ["great"]}, 1, "g.json")
    with pytest.raises(StartupError, match=r"g\.json:1: passing_labels: must be among the labels"):
        verifier_of(wrong, {})


def test_code_is_not_run_but_served_by_its_owner() -> None:
    """The entry is a place for its address."""
    grader = ToolRow({"type": "python", "name": "p", "source": "def grade(s, i): return 1"}, 1)

    entry = verifier_of(grader, {})

    assert entry.keys is not None
    assert entry.keys["kind"] == "http"
    assert "not run here" in entry.remarks[0]


def test_a_similarity_becomes_a_comparison_by_a_judge() -> None:
    """The metric does not carry over."""
    grader = ToolRow(
        {
            "type": "text_similarity",
            "name": "t",
            "evaluation_metric": "rouge_l",
            "input": "{{sample.output_text}}",
            "reference": "{{item.reference}}",
        },
        1,
    )

    entry = verifier_of(grader, {})

    assert entry.keys is not None
    assert entry.keys["kind"] == "judge_reference"
    assert "no verifier measures rouge_l" in entry.remarks[0]


@pytest.mark.parametrize(
    ("grader", "problem"),
    [
        (string_check(operation="near"), "operation: must be eq, ne, like or ilike (got 'near')"),
        (model_grader("score_model", "x", range=[1]), "range: must be the lowest and the highest"),
        (model_grader("score_model", "x", model=None), "model: must be a text (got 'null')"),
        (model_grader("label_model", "x", labels="a"), "labels: must be a list (got 'a')"),
    ],
)
def test_a_bad_field_is_named(grader: ToolRow, problem: str) -> None:
    """With file, field and value."""
    with pytest.raises(StartupError) as refused:
        verifier_of(grader, {})

    assert f"g.json:1: {problem}" in str(refused.value)


@pytest.mark.parametrize("field", ["expected_label", "city", "meta.answer"])
def test_a_field_without_a_place_is_named_with_its_map(field: str) -> None:
    """And the map works."""
    grader = string_check(reference=f"{{{{item.{field}}}}}")

    entry = verifier_of(grader, {})

    assert entry.keys is None
    assert f"--map reference={field}" in entry.remarks[0]
    assert verifier_of(grader, {"reference": field}).keys == {"kind": "math_answer"}


def test_a_field_may_be_the_answer() -> None:
    """As in evals over logged answers."""
    grader = string_check(input="{{item.output_text}}", reference="4")

    assert "--map candidate=FIELD" in verifier_of(grader, {}).remarks[0]
    mapped = verifier_of(grader, {"candidate": "output_text"}).keys
    assert mapped is not None
    assert mapped["kind"] == "regex"


@pytest.mark.parametrize("reference", ["{{item.reference_summary}}", "A text.", "{{item.x}} y"])
def test_a_similar_text_is_sent_as_the_reference(reference: str) -> None:
    """Whatever it was."""
    grader = {"type": "text_similarity", "name": "x", "input": "{{sample.output_text}}"}
    grader |= {"evaluation_metric": "bleu", "reference": reference}

    remarks = verifier_of(ToolRow(grader, 1, "g.json"), {}).remarks

    assert remarks[-1] == f"requests must send {reference!r} as `reference`"
