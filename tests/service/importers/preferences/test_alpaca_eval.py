"""Annotations of AlpacaEval."""

from __future__ import annotations

import pytest

from assay.service.domain.errors import StartupError
from tests.support.tool_files import imported
from tests.support.tool_files.preferences import alpaca_annotation

JUDGE = "weighted_alpaca_eval_gpt4_turbo"


@pytest.mark.parametrize(
    ("preference", "shares"),
    [(1.0, (1.0, 0.0)), (2, (0.0, 1.0)), (1.25, (0.75, 0.25)), (1.5, (0.5, 0.5)), (0, (0.5, 0.5))],
)
def test_a_preference_is_each_answers_share(preference: float, shares: tuple[float, float]) -> None:
    """Older ties are 0."""
    rows, _ = imported("alpaca-eval", [alpaca_annotation("Hi", preference)], "scores")

    assert [row["candidate"] for row in rows] == ["text_davinci_003", "mine"]
    assert tuple(row["scores"][JUDGE] for row in rows) == shares
    assert "label" not in rows[0]


def test_several_annotators_are_several_verifiers() -> None:
    """A failed judgement is a missing score, not a low one."""
    files = {
        "a": [alpaca_annotation("Hi", 1.0), alpaca_annotation("Ünï", 2.0)],
        "b": [alpaca_annotation("Hi", None, annotator="claude")],
    }

    rows, wish = imported("alpaca-eval", files, "scores")

    assert [row["scores"] for row in rows] == [
        {JUDGE: 1.0, "claude": None},
        {JUDGE: 0.0, "claude": None},
        {JUDGE: 0.0, "claude": None},
        {JUDGE: 1.0, "claude": None},
    ]
    assert wish.skipped == {"annotations without a preference": 1}


def test_several_models_against_one_are_candidates_of_one_query() -> None:
    """The common answer has the mean of its comparisons."""
    other = alpaca_annotation("Hi", 2.0, generator_2="theirs", output_2="Hi: theirs")

    rows, _ = imported("alpaca-eval", {"a": [alpaca_annotation("Hi", 1.0)], "b": [other]}, "scores")

    assert {row["candidate"]: row["scores"][JUDGE] for row in rows} == {
        "text_davinci_003": 0.5,
        "mine": 0.0,
        "theirs": 1.0,
    }


def test_people_are_numbers_and_their_preferences_labels() -> None:
    """Their mean counts."""
    rows, wish = imported(
        "alpaca-eval",
        [
            alpaca_annotation("Hi", preference, annotator=12 + place)
            for place, preference in enumerate((1, 2, 1, 1))
        ],
        "rankings",
    )

    assert rows[0]["labels"] == [0.75, 0.25]
    assert wish.understood["labels"] == "the share of people who prefer the answer"


def test_rankings_have_the_instruction_as_their_query() -> None:
    """And an id that is the same in each file."""
    first, _ = imported("alpaca-eval", [alpaca_annotation("Hi", 1.0)], "rankings")
    second, _ = imported("alpaca-eval", [alpaca_annotation("Hi", 2.0)], "rankings")

    assert first[0]["query"] == "Hi"
    assert first[0]["id"] == second[0]["id"]
    assert first[0]["candidates"][1] == {"id": "mine", "text": "Hi: by mine"}
    assert "labels" not in first[0]


def test_files_without_generators_have_places_as_names() -> None:
    """As in older ones; equal names get their places."""
    older = alpaca_annotation("Hi", 1.0, output_1="")
    del older["generator_1"], older["generator_2"]
    same = alpaca_annotation("Ho", 1.0, generator_1="mine")

    rows, _ = imported("alpaca-eval", [older, same], "scores")

    assert [row["candidate"] for row in rows] == ["output_1", "output_2", "mine:1", "mine:2"]
    assert rows[0]["text"] == ""


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"preference": 3}, "preference: must be from 1 to 2 (got '3.0')"),
        ({"preference": "x"}, "preference: must be a number (got 'x')"),
        ({"output_2": None}, "output_2: must be a text (got 'null')"),
    ],
)
def test_a_bad_annotation_is_named_with_its_place(change: dict[str, object], problem: str) -> None:
    """File, line, field, value."""
    rows = [alpaca_annotation("Hi", 1.0), {**alpaca_annotation("Ho", 1.0), **change}]

    with pytest.raises(StartupError) as refused:
        imported("alpaca-eval", rows, "scores")

    assert f"f.jsonl:2: {problem}" in str(refused.value)
