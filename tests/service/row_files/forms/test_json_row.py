"""A row of JSON from its bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assay.service.row_files.forms.json_row import DEEPEST_ROW, json_row, values_in
from assay.service.row_files.problems import RowProblem


@pytest.mark.parametrize(
    "number",
    [2**63, 2**63 + 1, 2**64 - 1, 2**64, 2**64 + 1, 10**40, -(2**63), -(2**63) - 1, -(10**30)],
)
def test_an_integer_survives_whatever_its_length(number: int) -> None:
    """As a value, in a list, in an object."""
    content = json.dumps({"id": number, "a": [number], "b": {"c": number}}).encode()

    assert json_row(content) == {"id": number, "a": [number], "b": {"c": number}}


@pytest.mark.parametrize(
    ("token", "value"),
    [
        ("NaN", None),
        ("Infinity", float("inf")),
        ("-Infinity", float("-inf")),
        ("1e999", float("inf")),
        ("-1e999", float("-inf")),
    ],
)
def test_nan_is_missing_and_infinity_is_infinite(token: str, value: float | None) -> None:
    """Python's json.dump and pandas write them; a label of 1e999 is none in silence nowhere."""
    content = f'{{"a": {token}, "b": [{token}, 1], "c": {{"d": {token}}}}}'.encode()

    assert json_row(content) == {"a": value, "b": [value, 1], "c": {"d": value}}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"a": 1, "a": 2}', "has two values of 'a'"),
        ('{"scores": {"m": 1, "m": 1}}', "has two values of 'm'"),
        ('{"a": 1, "b": "a", "a": 1}', "has two values of 'a'"),
        ('{"a": "\\ud800"}', "half of a character"),
        ('{"a": 12345678901234567890, "b": "\\udfff"}', "half of a character"),
        ('{"a": ' + "9" * 5000 + "}", "not JSON"),
        ('{"a": nan}', "not JSON"),
        ("[1]", "must be an object"),
        ("null", "must be an object"),
        ('{"a": 1} {"b": 2}', "not JSON"),
        ('{"a": ' + "[" * 300 + "]" * 300 + "}", f"more than {DEEPEST_ROW} lists"),
        ('{"a":' * 900 + "1" + "}" * 900, f"more than {DEEPEST_ROW} lists"),
        ('{"a":' * 99_000, "too many lists and objects"),
        ("[" * 99_000 + "]" * 99_000, "too many lists and objects"),
        ('{"a": [' + "[]," * 1_000_000 + "1]}", "more than 2000000 values"),
    ],
)  # fmt: skip
def test_another_text_is_a_problem(content: str, reason: str) -> None:
    """With its reason and its beginning."""
    problem = json_row(content.encode())

    assert isinstance(problem, RowProblem)
    assert reason in problem.reason
    assert content.startswith(problem.text[:40].rstrip())


@pytest.mark.parametrize(
    "row",
    [
        {"a": "b", "b": "a"},
        {"a": {"a": 1}, "b": {"a": {"a": 2}}},
        {"text": 'a "text" in "a"', "a": '\\"a\\"'},
        {"a": "[" * 500 + '"' + "{" * 500},
    ],
)
def test_a_name_that_stands_elsewhere_as_well_is_no_repetition(row: dict[str, Any]) -> None:
    """Within values, and in objects inside; nor do brackets of a text nest."""
    assert json_row(json.dumps(row).encode()) == row


def test_an_object_of_many_names_is_read_in_linear_time() -> None:
    """A hundred thousand names in megabytes: looking for each of them would take minutes, and the
    test has a limit.
    """
    row = {f"name{place}": "x" * 20 for place in range(400_000)}
    content = json.dumps(row).encode()

    assert json_row(content) == row


def test_values_are_counted_by_their_marks() -> None:
    """Some more than there are, never fewer."""
    assert values_in('{"a": [1, 2, "x,y"]}') == 5
