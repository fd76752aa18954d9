"""What was understood of a score table."""

from __future__ import annotations

from assay.service.row_files.understood import MOST_NAMES_SHOWN
from assay.service.score_files.columns.understood_table import UnderstoodTable

UNDERSTOOD = UnderstoodTable(
    ("a", "b"),
    query_id="question_id",
    candidate="model",
    labels="is_correct",
    left_out={"turn": "a number of the turn"},
    missing={"a": 2},
    tool="some tool's file",
    notes=("one more thing",),
)


def test_what_was_understood_is_a_line_each() -> None:
    """Whose file, verifiers, what is left out and why, ids and labels, marks, notes."""
    assert list(UNDERSTOOD.sentences()) == [
        "read as some tool's file",
        "verifiers: a, b",
        "left out: turn (a number of the turn)",
        "query ids: question_id; candidates: model; labels: is_correct",
        "missing scores: a 2",
        "one more thing",
    ]


def test_it_is_plain_data_as_well() -> None:
    """For `--json` and for models."""
    assert UNDERSTOOD.as_dict()["left_out"] == {"turn": "a number of the turn"}
    assert UNDERSTOOD.as_dict()["verifiers"] == ["a", "b"]
    assert UNDERSTOOD.as_dict()["columns"]["label"] == ["is_correct"]


def test_many_names_are_cut() -> None:
    """In print; plain data have them all."""
    names = tuple(f"v{place}" for place in range(MOST_NAMES_SHOWN + 2))

    assert next(UnderstoodTable(names).sentences()).endswith(", and 2 more")
    assert len(UnderstoodTable(names).as_dict()["verifiers"]) == MOST_NAMES_SHOWN + 2
