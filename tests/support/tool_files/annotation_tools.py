"""Rows of annotation tools, in their published forms."""

from __future__ import annotations

from typing import Any

from tests.support.tool_files import Row

QA = {"question": "2+2?", "answer": "4"}
PAIR = {"prompt": "2+2?", "answer1": "4", "answer2": "5"}


def studio_result(kind: str, value: Any, name: str = "verdict") -> Row:
    """Return a result of an annotation."""
    key = "selected" if kind == "pairwise" else kind
    return {
        "id": "r",
        "from_name": name,
        "to_name": "text",
        "type": kind,
        "value": {key: value},
        "origin": "manual",
    }


def studio_annotation(results: list[Row], person: Any = 7, **more: Any) -> Row:
    """Return an annotation."""
    return {
        "id": 11,
        "completed_by": person,
        "result": results,
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": "2026-01-02T03:04:05.000006Z",
        "updated_at": "2026-01-02T03:04:06.000006Z",
        "lead_time": 10.5,
        **more,
    }


def studio_task(annotations: list[Row], data: Row = QA, **more: Any) -> Row:
    """Return a task of the JSON export."""
    return {
        "id": 4,
        "annotations": annotations,
        "drafts": [],
        "predictions": [],
        "data": data,
        "meta": {},
        **more,
    }


def studio_flat(data: Row, **answers: Any) -> Row:
    """Return a row of JSON-MIN, or of CSV."""
    return {
        **data,
        "id": 4,
        **answers,
        "annotator": 7,
        "annotation_id": 11,
        "created_at": "2026-01-02T03:04:05.000006Z",
        "updated_at": "2026-01-02T03:04:06.000006Z",
        "lead_time": 10.5,
    }


def argilla_1_columns(responses: list[Row], question: str = "rating", data: Row = QA) -> Row:
    """Return a row of a 1.x data set."""
    return {
        **data,
        question: responses,
        f"{question}-suggestion": 5,
        f"{question}-suggestion-metadata": {"type": "model", "score": None, "agent": "m"},
        "external_id": "x-1",
        "metadata": "{}",
    }


def argilla_1_record(values: Row, status: str = "submitted", data: Row = QA) -> Row:
    """Return a record of 1.x, as the server has it."""
    answers = {name: {"value": value} for name, value in values.items()}
    return {
        "fields": data,
        "responses": [{"user_id": "u-1", "values": answers, "status": status}],
        "suggestions": [],
        "metadata": {},
        "external_id": None,
    }


def argilla_2_record(responses: Row, data: Row = QA) -> Row:
    """Return a record of 2.x."""
    return {
        "id": "x-1",
        "fields": data,
        "metadata": {},
        "suggestions": {},
        "responses": responses,
        "vectors": {},
        "_server_id": "s",
    }


def argilla_2_columns(
    values: list[Any], statuses: list[str], question: str = "verdict", data: Row = QA
) -> Row:
    """Return a row of a 2.x data set."""
    return {
        "id": "x-1",
        "_server_id": "s",
        **data,
        f"{question}.responses": values,
        f"{question}.responses.users": [f"u-{place}" for place in range(len(values))],
        f"{question}.responses.status": statuses,
        f"{question}.suggestion": "correct",
        f"{question}.suggestion.score": None,
        f"{question}.suggestion.agent": "m",
    }
