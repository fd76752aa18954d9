"""The commands that give, send and fetch labels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands.in_process import run
from tests.support.http.canned_server import answering_by_path


def test_labels_are_sent_from_a_file(tmp_path: Path) -> None:
    """To the task that is named, at the service that the environment names."""
    file = tmp_path / "labels.jsonl"
    key = f"{'1' * 32}:{'2' * 32}"
    file.write_text(f'{{"key": "{key}", "correct": 1}}\n')

    with answering_by_path({"*": {"labels": 1, "new": 1}}) as service:
        done = run("labels", "import", "math", file, "--url", service.url)
        run("labels", "import", "math", file, "--not-random", "--url", service.url)

    assert done.stdout == "1 labels sent, 1 of them new\n"
    assert service.asked == [
        ("/v1/tasks/math/labels", {"labels": [{"key": key, "correct": 1, **stated}]})
        for stated in ({}, {"random": False})
    ]


def test_a_file_of_labels_has_to_be_there(tmp_path: Path) -> None:
    """The command sends nothing without it."""
    missing = run("labels", "import", "math", tmp_path / "none.jsonl")
    assert "none.jsonl: No such file" in str(missing.exception)


def test_labels_are_written_to_a_file(tmp_path: Path) -> None:
    """As they came."""
    label = {"key": "k", "correct": 1.0}

    with answering_by_path({"/v1/tasks/math/labels": {"labels": [label]}}) as service:
        done = run("labels", "export", "math", tmp_path / "out.jsonl", "--url", service.url)

    assert done.exit_code == 0
    assert json.loads((tmp_path / "out.jsonl").read_text()) == label


def test_as_many_are_drawn_as_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty by default; a thousand at most."""
    with answering_by_path({"*": {"candidates": []}}) as service:
        monkeypatch.setenv("ASSAY_URL", service.url)
        run("label", "math")
        run("label", "math", "-n", "7")

    assert [path for path, _ in service.asked] == [
        "/v1/tasks/math/to-label?n=50",
        "/v1/tasks/math/to-label?n=7",
    ]
    assert run("label", "math", "-n", "1001").exit_code == 2
