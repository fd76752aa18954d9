"""`assay rank` again, into a file that has answers of an earlier run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands.bulk_jobs import as_lines
from tests.support.commands.in_process import problem
from tests.support.commands.ranked_rows import RANKED_ROWS, rank_rows, ranked_scores

pytestmark = pytest.mark.usefixtures("log_as_before")


@pytest.mark.parametrize(
    ("change", "kept", "again", "left_out"),
    [
        (lambda rows: rows[::-1], 6, 0, 0),
        (lambda rows: [{**RANKED_ROWS[0], "query": "new?", "id": "new"}, *rows], 6, 0, 0),
        (lambda rows: [*rows[:2], *rows[3:]], 5, 0, 1),
        (lambda rows: [rows[0], {**rows[1], "query": "9 + 9?"}, *rows[2:]], 5, 1, 0),
        (lambda rows: [*rows[:5], {**rows[5], "candidates": ["6", "8"]}], 5, 1, 0),
        (lambda rows: [{**rows[0], "reference": "1"}, *rows[1:]], 5, 1, 0),
        (lambda rows: [{**row, "labels": [1, 0]} for row in rows], 0, 6, 0),
    ],
    ids=["reversed", "inserted", "removed", "query", "candidates", "reference", "carried"],
)
def test_earlier_answers_are_recognised_by_content(
    tmp_path: Path, change: Callable[[list[Any]], list[Any]], kept: int, again: int, left_out: int
) -> None:
    """F14: a row keeps its answer wherever it stands, and no other row gets it."""
    rank_rows(tmp_path, RANKED_ROWS)
    rows = change(RANKED_ROWS)

    summary, answers = rank_rows(tmp_path, rows)

    assert (summary["already_there"], summary["left_out"]) == (kept, left_out)
    assert summary["asked_again"] == ({"their input changed": again} if again else {})
    assert [answer["line"] for answer in answers] == list(range(1, len(rows) + 1))
    assert [
        {name: answer[name] for name in row} for answer, row in zip(answers, rows, strict=True)
    ] == rows
    (tmp_path / "new").mkdir()
    _, fresh = rank_rows(tmp_path / "new", rows)
    assert [ranked_scores(answer) for answer in answers] == [
        ranked_scores(answer) for answer in fresh
    ]
    assert not list(tmp_path.glob(".*earlier"))


@pytest.mark.parametrize(
    "settings",
    [
        {"verifiers": [{"name": "length", "kind": "length", "weight": 2}]},
        {"verifiers": [{"name": "length", "kind": "length"}, {"name": "v", "kind": "consensus"}]},
        {"tasks": {"default": {"base_rate": 0.2}}},
        {"service": {"uncalibrated": "number"}},
    ],
)
def test_a_changed_ensemble_is_asked_again(tmp_path: Path, settings: dict[str, Any]) -> None:
    """F14: whatever of it determines an answer."""
    rank_rows(tmp_path, RANKED_ROWS)

    summary, answers = rank_rows(tmp_path, RANKED_ROWS, settings=settings)

    assert summary["asked_again"] == {"the ensemble changed": 6}
    assert (summary["already_there"], len(answers)) == (0, 6)


@pytest.mark.parametrize("places", [[0], [2, 3], range(6)], ids=["first", "middle", "all"])
def test_answers_that_lack_a_verifier_are_asked_again(tmp_path: Path, places: list[int]) -> None:
    """Degraded results do not stand for good."""
    _, answers = rank_rows(tmp_path, RANKED_ROWS)
    for place in places:
        answers[place]["partial"] = True
    as_lines(tmp_path / "out.jsonl", answers)

    summary, again = rank_rows(tmp_path, RANKED_ROWS)

    assert summary["asked_again"] == {"a verifier had failed on them": len(places)}
    assert summary["already_there"] == 6 - len(places)
    assert [answer["id"] for answer in again] == [row["id"] for row in RANKED_ROWS]
    assert not any(answer["partial"] for answer in again)


def test_answers_that_lack_a_verifier_are_counted(tmp_path: Path) -> None:
    """In each run, as long as it is away."""
    away = {"name": "away", "kind": "http", "endpoint": "http://127.0.0.1:9", "retries": 0}
    settings = {"verifiers": [{"name": "length", "kind": "length"}, away]}

    first, _ = rank_rows(tmp_path, RANKED_ROWS[:2], settings=settings)
    second, answers = rank_rows(tmp_path, RANKED_ROWS[:2], settings=settings)

    assert (first["ranked"], first["partial"]) == (second["ranked"], second["partial"]) == (2, 2)
    assert second["asked_again"] == {"a verifier had failed on them": 2}
    assert [answer["partial"] for answer in answers] == [True, True]


def test_a_run_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    """Also in the middle of a change: the file beside the output holds the remaining answers."""
    _, answers = rank_rows(tmp_path, RANKED_ROWS)
    lines = (tmp_path / "out.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "out.jsonl").write_text("".join(lines[:2]) + lines[2][:50])
    (tmp_path / ".out.jsonl.earlier").write_text("".join(lines[3:]))

    summary, again = rank_rows(tmp_path, RANKED_ROWS)

    assert (summary["already_there"], summary["ranked"]) == (5, 1)
    assert [ranked_scores(answer) for answer in again] == [
        ranked_scores(answer) for answer in answers
    ]
    assert not (tmp_path / ".out.jsonl.earlier").exists()


def test_what_it_wrote_can_be_ranked_again(tmp_path: Path) -> None:
    """Results of an earlier run are no columns of the row."""
    _, answers = rank_rows(tmp_path, RANKED_ROWS)
    (tmp_path / "again").mkdir()

    _, again = rank_rows(tmp_path / "again", answers)

    assert [ranked_scores(answer) for answer in again] == [
        ranked_scores(answer) for answer in answers
    ]
    assert [set(answer) for answer in again] == [set(answer) for answer in answers]


@pytest.mark.parametrize("content", ["", "\n \n", "[]"])
def test_an_input_without_rows_is_refused(tmp_path: Path, content: str) -> None:
    """Earlier answers stay: a pipe that broke may have been the input."""
    rank_rows(tmp_path, RANKED_ROWS)
    before = (tmp_path / "out.jsonl").read_bytes()
    (tmp_path / "in.jsonl").write_text(content)

    shown = problem(
        "rank", tmp_path / "in.jsonl", "-o", tmp_path / "out.jsonl", "--data-dir", tmp_path / "data"
    )

    assert shown.endswith("in.jsonl: has no rows")
    assert (tmp_path / "out.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda row: {**row, "candidates": "text"},
        lambda row: {**row, "query": 5},
        lambda row: {**row, "task": "none"},
        lambda row: {name: value for name, value in row.items() if name not in ("id", "query")},
    ],
    ids=["unreadable", "type", "refused", "lost"],
)
def test_answers_of_rows_that_fail_now_are_kept_beside(
    tmp_path: Path, change: Callable[[Any], Any]
) -> None:
    """The output has the error; a run with the row as it was takes the answer back."""
    _, before = rank_rows(tmp_path, RANKED_ROWS)
    changed = [*RANKED_ROWS[:2], change(RANKED_ROWS[2]), *RANKED_ROWS[3:]]

    for _ in range(2):
        summary, answers = rank_rows(tmp_path, changed, code=1)
        assert (summary["failed"], summary["kept_beside"], summary["left_out"]) == (1, 1, 0)
        assert ["error" in answer for answer in answers] == [False, False, True] + [False] * 3
    summary, again = rank_rows(tmp_path, RANKED_ROWS)

    assert (summary["ranked"], summary["already_there"]) == (0, 6)
    assert again == before
    assert not (tmp_path / ".out.jsonl.earlier").exists()
