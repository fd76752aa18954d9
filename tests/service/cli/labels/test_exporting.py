"""Labels in files of every form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.service.row_files.forms.endings import ENDINGS
from assay.service.row_files.reading import numbered_rows
from tests.support.commands.in_process import run
from tests.support.http.canned_server import answering_by_path

TWO = {
    "key": "k1",
    "matched": True,
    "correct": 0.5,
    "random": None,
    "who": None,
    "at": 2.0,
    "comment": None,
    "by": [
        {"who": "ann", "correct": 1.0, "random": True, "at": 1.0, "comment": "=1+1"},
        {"who": None, "correct": 0.0, "random": False, "at": 2.0, "comment": None},
    ],
}
LONE = {"key": "k2", "correct": 1.0, "random": None, "who": "bob", "at": 3.5}


def exported(file: Path, labels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of an export."""
    with answering_by_path({"/v1/tasks/t/labels": {"labels": labels}}) as service:
        done = run("labels", "export", "t", file, "--url", service.url)
    assert done.exit_code == 0, done.output
    assert service.asked[-1] == ("/v1/tasks/t/labels/exported", {"labels": len(labels)})
    return [row for _, row in numbered_rows(file)]


@pytest.mark.parametrize("ending", ENDINGS)
def test_each_annotators_label_is_a_row(tmp_path: Path, ending: str) -> None:
    """As `import` reads it, in the form that the name says."""
    rows = exported(tmp_path / f"l{ending}", [TWO, LONE])

    assert [(row["key"], float(row["correct"]), row.get("who")) for row in rows] == [
        ("k1", 1.0, "ann"),
        ("k1", 0.0, None),
        ("k2", 1.0, "bob"),
    ]
    assert [float(row["at"]) for row in rows] == [1.0, 2.0, 3.5]
    assert [str(row.get("random")).lower() for row in rows] == ["true", "false", "none"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_labels_are_a_file_without_rows(tmp_path: Path, ending: str) -> None:
    """Not a failure."""
    assert exported(tmp_path / f"l{ending}", []) == []


@pytest.mark.parametrize("name", ["l.xlsx", "l.txt", "l"])
def test_another_form_is_refused_before_anything_is_asked(tmp_path: Path, name: str) -> None:
    """With the endings that there are."""
    with answering_by_path({"*": {"labels": [LONE]}}) as service:
        done = run("labels", "export", "t", tmp_path / name, "--url", service.url)

    assert (done.exit_code, service.asked, (tmp_path / name).exists()) == (1, [], False)
    assert "must end in .jsonl, .ndjson" in str(done.exception)
