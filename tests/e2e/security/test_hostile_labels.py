"""Hostile files of labels, and places that cannot be written: a message with file, line and value."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands.as_shell import command
from tests.support.http.canned_server import answering

LABEL = b'{"query": "q", "candidate": "c", "correct": 1}'

LABELS: dict[str, tuple[bytes, int]] = {
    "depth": (LABEL + b"\n" + b"[" * 5000 + b"]" * 5000, 2), "an object's depth": (LABEL + b'\n{"a": ' * 3000, 2),
    "depth that is JSON": (b'{"a": ' + b"[" * 900 + b"]" * 900 + b"}", 1), "latin-1": (LABEL + b'\n\n{"query": "caf\xe9"}', 3), "utf-16": ('{"query": "q"}'.encode("utf-16"), 1),
    "a number": (LABEL + b"\n5\n", 2), "a list": (b"[5]\n", 1), "no JSON": (LABEL + b"\n" + LABEL + b"\n{", 3), "infinity": (b'{"query": "q", "candidate": "a", "correct": Infinity}', 1), "a surrogate": (b'{"query": "\\ud800"}', 1),
    "zeros": (b"\0\0\0", 1), "a BOM in between": (LABEL + b"\n\xef\xbb\xbf" + LABEL, 2), "digits": (b'{"correct": 1' + b"0" * 5000 + b"}", 1),
}  # fmt: skip


@pytest.mark.parametrize("name", LABELS)
def test_hostile_labels_are_a_message_with_file_line_and_value(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the part that has them is sent."""
    path = tmp_path / "l.jsonl"
    content, line = LABELS[name]
    path.write_bytes(content)

    with answering(body=b'{"labels": 1, "new": 1}') as server:
        code, printed = command(
            capsys, monkeypatch, "labels", "import", "t", path, "--url", server.url
        )

    assert code == 2, printed
    assert printed.splitlines()[-1].startswith(f"{path}:{line}: ")
    assert server.seen == []


def test_a_label_that_the_service_refuses_is_told_by_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message gives its line in the file, not its place in the request."""
    path = tmp_path / "l.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + LABEL + b"\n\n" + LABEL + b"\n")
    error = {
        "error": {
            "param": "labels.1.correct",
            "message": "labels.1.correct: Input should be less than 1 (got 7)",
        }
    }

    with answering(422, json.dumps(error).encode()) as server:
        code, printed = command(
            capsys, monkeypatch, "labels", "import", "t", path, "--url", server.url
        )

    assert code == 2
    assert printed.splitlines()[-1] == (
        f"{path}:3: labels.1.correct: Input should be less than 1 (got 7); nothing of the file is"
        " kept"
    )


def test_a_place_that_cannot_be_written_is_a_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder, or one that is not there."""
    with answering(body=b'{"labels": []}') as server:
        (tmp_path / "folder.jsonl").mkdir()
        for path in (tmp_path / "folder.jsonl", tmp_path / "none" / "x.jsonl", tmp_path):
            code, printed = command(
                capsys, monkeypatch, "labels", "export", "t", path, "--url", server.url
            )
            assert (code, str(path) in printed) == (2, True), printed
