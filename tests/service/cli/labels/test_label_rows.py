"""Rows of labels, checked before anything is sent."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from assay.service.cli.labels.label_rows import checked_rows
from assay.service.domain.errors import StartupError

KEY = f"{'1' * 32}:{'2' * 32}"
OTHER = f"{'1' * 32}:{'3' * 32}"


def bodies(
    *rows: dict[str, Any], name: str = "l.jsonl", random: bool | None = None
) -> list[dict[str, Any]]:
    """Return what is sent for these rows, which begin on line 1."""
    of_texts = name.endswith(".csv")
    checked = checked_rows(Path(name), list(enumerate(rows, 1)), of_texts, random)
    return [row.body for row in checked]


def test_a_row_is_sent_as_it_is() -> None:
    """Without fields that have no value, and those that an export adds."""
    row = {"key": KEY, "correct": 0.25, "random": False, "who": "ann", "at": 5.0}

    assert bodies({**row, "query": None, "matched": True}) == [row]


def test_cells_of_csv_become_values() -> None:
    """An annotator may be called so; an answer may be empty."""
    assert bodies(
        {"key": KEY, "correct": "1", "random": "TRUE", "who": "ann", "at": "1.5"},
        {"query": "q", "correct": "false", "random": "0", "tests": '["assert f()"]'},
        {"messages": '[{"role":"user","content":"q"}]', "candidate": "-5", "correct": " 0.5 "},
        name="l.csv",
    ) == [
        {"key": KEY, "correct": 1.0, "random": True, "who": "ann", "at": 1.5},
        {"query": "q", "candidate": "", "correct": 0.0, "random": False, "tests": ["assert f()"]},
        {"messages": [{"role": "user", "content": "q"}], "candidate": "-5", "correct": 0.5},
    ]


@pytest.mark.parametrize(
    "at",
    ["2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00", datetime(2026, 1, 31, 12, tzinfo=UTC)],
)
def test_a_time_may_be_a_date(at: Any) -> None:
    """With its time zone, in any form of file."""
    assert bodies({"key": KEY, "correct": 1, "at": at})[0]["at"] == 1_769_860_800


@pytest.mark.parametrize("random", [True, False])
def test_randomness_is_stated_for_rows_that_do_not_state_it(random: bool) -> None:
    """A row's own word stays."""
    sent = bodies({"key": KEY, "correct": 1}, {"key": OTHER, "correct": 1, "random": not random}, random=random)  # fmt: skip

    assert [row["random"] for row in sent] == [random, not random]
    assert "random" not in bodies({"key": KEY, "correct": 1})[0]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"key": KEY}, "l.jsonl:2: correct: is missing"),
        ({"key": KEY, "correct": 7}, r"l.jsonl:2: correct: .*less than or equal to 1 \(got 7\)"),
        ({"key": KEY, "correct": "yes"}, "l.jsonl:2: correct: .*'yes'"),
        ({"key": "k", "correct": 1}, "l.jsonl:2: key: "),
        ({"correct": 1}, "l.jsonl:2: key: give either `key`"),
        ({"key": KEY, "label": 1}, "l.jsonl:2: a label has no field 'label'; there are key, query"),
        (
            {"key": KEY, "correct": 1, "at": "yesterday"},
            "l.jsonl:2: at: must be seconds .*'yesterday'",
        ),
        ({"key": KEY, "correct": 1, "at": 1e13}, "l.jsonl:2: at: .*future"),
        (
            {"key": KEY, "correct": 1, "at": datetime(2026, 1, 1)},
            "l.jsonl:2: `at` has no time zone",
        ),
        ({"candidate": 0, "correct": 1}, "l.jsonl:2: candidate: .*by its text.*compare --labels"),
        (
            {"query": "q", "candidate": 3, "correct": 0},
            r"\(got 3\): name the candidate by its text",
        ),
        ({"query": "q", "candidate": 1.0, "correct": 1}, r"\(got 1.0\): name .*or by `key`"),
        ({"key": b"\xff", "correct": 1}, "l.jsonl:2: cannot be sent as JSON"),
        (
            {"query": "q", "candidate": "c", "correct": 1, "tests": ["x"] * 9999},
            "l.jsonl:2: tests: ",
        ),
    ],
)
def test_a_wrong_row_is_told_with_its_line(row: dict[str, Any], message: str) -> None:
    """And the field, and the value."""
    with pytest.raises(StartupError, match=message):
        bodies({"key": OTHER, "correct": 1}, row)


@pytest.mark.parametrize(
    ("name", "cell"),
    [("correct", "maybe"), ("tests", "[1"), ("messages", "hello")],
)
def test_a_cell_that_is_no_value_is_told_with_its_line(name: str, cell: str) -> None:
    """And its column."""
    row = {"query": "q", "candidate": "c", "correct": "1", name: cell}

    with pytest.raises(StartupError, match=f"l.csv:1: {name}: cannot be read .*{re.escape(cell)}"):
        bodies(row, name="l.csv")


@pytest.mark.parametrize("name", ["l.csv", "l.jsonl"])
@pytest.mark.parametrize("word", ["yes", "often", "2", "t"])
def test_randomness_is_true_or_false(name: str, word: str) -> None:
    """As `correct` is, in any form of file."""
    row = {"query": "q", "candidate": "c", "correct": 1, "random": word}

    with pytest.raises(StartupError, match=f"{name}:1: random: must be true or false.*'{word}'"):
        bodies(row, name=name)


@pytest.mark.parametrize("name", ["l.csv", "l.jsonl"])
@pytest.mark.parametrize(
    ("value", "random"),
    [("1.0", True), ("0.0", False), (1.0, True), (0, False), ("False", False), (True, True), (float("nan"), None), ("nan", None)],
)  # fmt: skip
def test_randomness_may_be_a_number_of_pandas(name: str, value: Any, random: bool | None) -> None:
    """Which writes 1.0, 0.0 and NaN in a column with gaps."""
    [body] = bodies({"key": KEY, "correct": 1, "random": value}, name=name)

    assert body.get("random") is random


TEXT = {"query": "q", "candidate": "c"}


@pytest.mark.parametrize(
    "rows",
    [
        [{**TEXT, "correct": 1}, {**TEXT, "correct": 0}],
        [{**TEXT, "correct": 1}, {**TEXT, "correct": 0, "who": ""}],
        [{**TEXT, "correct": 1, "who": "ann "}, {**TEXT, "correct": 0, "who": "ann"}],
        [{**TEXT, "correct": 1, "who": "ann"}, {**TEXT, "correct": 0.5, "who": "ann"}],
        [{**TEXT, "correct": 1, "at": 5}, {**TEXT, "correct": 0, "at": 5}],
        [{**TEXT, "correct": 1, "at": 5}, {**TEXT, "correct": 0}],
        [{**TEXT, "correct": 1}, {**TEXT, "correct": 0, "at": 5}],
        [{"messages": [{"role": "user", "content": "q"}], "candidate": "c", "correct": 1}, {**TEXT, "correct": 0}],
    ],
)  # fmt: skip
def test_an_annotator_who_contradicts_a_label_is_told_with_both_lines(
    rows: list[dict[str, Any]],
) -> None:
    """Whichever way the candidate is named, and whatever lies between."""
    between = {"key": KEY, "correct": 1}

    with pytest.raises(StartupError, match=r"l.jsonl:3: correct is .*, and on line 1 the same"):
        bodies(rows[0], between, rows[1])


@pytest.mark.parametrize(
    "rows",
    [
        [{**TEXT, "correct": 1}, {**TEXT, "correct": 1}],
        [{**TEXT, "correct": 1, "who": "ann"}, {**TEXT, "correct": 0, "who": "bob"}],
        [{**TEXT, "correct": 1, "who": "ann"}, {**TEXT, "correct": 0}],
        [{**TEXT, "correct": 1, "at": 5}, {**TEXT, "correct": 0, "at": 6}],
        [{**TEXT, "correct": 1}, {**TEXT, "correct": 0, "reference": "7"}],
    ],
)
def test_other_labels_of_a_candidate_stand_side_by_side(rows: list[dict[str, Any]]) -> None:
    """Of two annotators, of two times, and of two requests."""
    assert bodies(*rows) == rows


@pytest.mark.parametrize("names", [range(101), [*range(100), *range(50), 100]])
def test_more_annotators_than_a_candidate_may_have_are_refused_before_anything_is_sent(
    names: list[int],
) -> None:
    """Parts of a long file would be kept before the one that a service refuses."""
    rows = [{"key": KEY, "correct": 1, "who": f"{name}"} for name in names]

    with pytest.raises(StartupError, match=f"l.jsonl:{len(rows)}: who: .*more than 100 annotators"):
        bodies(*rows)
    assert len(bodies(*rows[:100])) == 100
