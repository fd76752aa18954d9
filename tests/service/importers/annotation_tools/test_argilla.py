"""Exports of Argilla."""

from __future__ import annotations

import pytest

from assay.service.domain.errors import StartupError
from assay.service.importers.recognition import importer_named, recognised
from tests.support.tool_files import imported
from tests.support.tool_files.annotation_tools import (
    PAIR,
    argilla_1_columns,
    argilla_1_record,
    argilla_2_columns,
    argilla_2_record,
)


def response(
    value: object, status: str | None = "submitted", user: str = "u-1"
) -> dict[str, object]:
    """Return a response to a question."""
    return {"user_id": user, "value": value, "status": status}


def test_a_data_set_of_version_1() -> None:
    """Drafts and discarded responses do not count; a suggestion is no label."""
    responses = [response(5), response(1, "draft", "u-2"), response(2, "discarded", "u-3")]

    rows, wish = imported("argilla", [argilla_1_columns(responses)], "labels")

    assert rows == [{"query": "2+2?", "candidate": "4", "correct": 1.0, "who": "u-1"}]
    assert wish.skipped == {
        "responses with the status draft": 1,
        "responses with the status discarded": 1,
    }


@pytest.mark.parametrize(("status", "labels"), [("submitted", [0.0]), ("draft", [])])
def test_a_record_of_version_1(status: str, labels: list[float]) -> None:
    """A user's answers stand together."""
    good = argilla_1_record({"verdict": "correct"})

    rows, _ = imported("argilla", [argilla_1_record({"verdict": "wrong"}, status), good], "labels")

    assert [row["correct"] for row in rows] == [*labels, 1.0]


def test_a_record_of_version_2() -> None:
    """Responses stand by question."""
    responses = {"verdict": [{"value": "yes", "user_id": "a"}, {"value": "no", "user_id": "b"}]}

    rows, _ = imported("argilla", [argilla_2_record(responses)], "labels")

    assert [(row["who"], row["correct"]) for row in rows] == [("a", 1.0), ("b", 0.0)]


def test_a_data_set_of_version_2() -> None:
    """Responses, users and statuses are columns."""
    row = argilla_2_columns(
        ["correct", "incorrect", "correct"], ["submitted", "submitted", "draft"]
    )

    rows, wish = imported("argilla", [row], "labels")

    assert [(row["who"], row["correct"]) for row in rows] == [("u-0", 1.0), ("u-1", 0.0)]
    assert wish.skipped == {"responses with the status draft": 1}


def test_a_choice_between_two_answers() -> None:
    """By a ranking of fields, or by a label that names one."""
    ranking = [{"value": "answer2", "rank": 1}, {"value": "answer1", "rank": 2}]
    by_name = argilla_2_columns(["answer1"], ["submitted"], "better", PAIR)

    rows, _ = imported("argilla", [argilla_1_columns([response(ranking)], "order", PAIR)], "labels")
    named, _ = imported("argilla", [by_name], "labels", "correct=better")

    assert {row["candidate"]: row["correct"] for row in rows} == {"5": 1.0, "4": 0.0}
    assert {row["candidate"]: row["correct"] for row in named} == {"4": 1.0, "5": 0.0}


def test_several_questions_need_a_choice() -> None:
    """`--map correct=…` chooses; a text is no label."""
    record = argilla_1_record({"verdict": "correct", "style": 2, "comment": "fine"})

    with pytest.raises(StartupError, match="responses: are of several questions: style, verdict"):
        imported("argilla", [record], "labels")
    rows, _ = imported("argilla", [record], "labels", "correct=style")
    assert rows[0]["correct"] == 0.25


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (argilla_1_columns([5]), "rating.0: must be an object (got '5')"),  # type: ignore[list-item]
        (argilla_1_columns([response(9)]), "rating: must be from 1 to 5"),
        (
            {**argilla_2_columns(["yes"], ["submitted"]), "verdict.responses.users": []},
            "verdict.responses: are 1, and the users 0",
        ),
        (argilla_2_record({"verdict": "yes"}), "responses.verdict: must be a list (got 'yes')"),
    ],
)
def test_a_bad_row_is_named_with_its_place(row: dict[str, object], problem: str) -> None:
    """File, line, field, value."""
    with pytest.raises(StartupError) as refused:
        imported("argilla", [argilla_1_columns([response(5)]), row], "labels")

    assert f"f.jsonl:2: {problem}" in str(refused.value)


def test_an_export_without_labels_is_refused() -> None:
    """With the reason; an empty answer and another script are texts."""
    empty = argilla_2_columns([], [], data={"question": "2+2?", "answer": ""})
    right = argilla_2_columns(["yes"], ["submitted"], data={"question": "二加二?", "answer": ""})

    with pytest.raises(StartupError, match="gives no labels: 1 records without a response"):
        imported("argilla", [empty], "labels")
    rows, _ = imported("argilla", [right], "labels")
    assert (rows[0]["query"], rows[0]["candidate"]) == ("二加二?", "")


def test_records_without_a_response_come_first_in_parquet() -> None:
    """Columns without a value are left out there; rankings are an object of lists."""
    unanswered = {"id": "x", "_server_id": "s", "question": "2+2?", "answer": "4"}
    answered = argilla_2_columns(["yes"], ["submitted"])
    ranked = argilla_1_columns(
        [response({"rank": [2, 1], "value": ["answer1", "answer2"]})], "order", PAIR
    )
    del ranked["order-suggestion"]

    rows, wish = imported("argilla", [unanswered, answered], "labels")
    order, _ = imported("argilla", [ranked], "labels")

    assert [row["correct"] for row in rows] == [1.0]
    assert wish.skipped == {"records without a response": 1}
    assert [row["correct"] for row in order] == [0.0, 1.0]


@pytest.mark.parametrize(
    ("ranked", "labels"),
    [
        (["response-2", "response-1"], {"A": 0.0, "B": 1.0}),
        (["response-1", "response-2"], {"A": 1.0, "B": 0.0}),
        (
            [{"value": "response-1", "rank": 1}, {"value": "response-2", "rank": 1}],
            {"A": 0.5, "B": 0.5},
        ),
    ],
)
def test_rankings_of_two_fields_in_both_forms(ranked: object, labels: dict[str, float]) -> None:
    """2.x has a list of names, the best first; what it means is printed."""
    record = {
        "id": "r1",
        "fields": {"instruction": "Hi?", "response-1": "A", "response-2": "B"},
        "responses": {"pref": [{"value": ranked, "user_id": "u"}]},
    }

    rows, wish = imported("argilla", [record], "labels")

    assert {row["candidate"]: row["correct"] for row in rows} == labels
    assert wish.understood["correct"] == "pref (the first 1, the other 0)"


def test_several_labels_are_no_ranking() -> None:
    """And the reason is true."""
    record = {
        "id": "r1",
        "fields": {"instruction": "Hi?", "response": "A"},
        "responses": {"topics": [{"value": ["a", "b"], "user_id": "u"}]},
    }

    with pytest.raises(StartupError, match="1 records whose responses are no label"):
        imported("argilla", [record], "labels")


def test_a_data_set_of_1_x_without_suggestions() -> None:
    """A column of responses is known by its users and values."""
    row = {
        "instruction": "Hi?",
        "response": "A",
        "verdict": [{"user_id": "u", "value": "yes", "status": "submitted"}],
    }

    assert recognised(row) is importer_named("argilla")
    rows, _ = imported("argilla", [row], "labels")
    assert rows == [{"query": "Hi?", "candidate": "A", "correct": 1.0, "who": "u"}]
