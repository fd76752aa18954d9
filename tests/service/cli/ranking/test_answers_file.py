"""The file of answers of `assay rank`."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import orjson
import pytest

from assay.service.cli.ranking.answers_file import AnswersFile, AnswersStream, AskedRow
from assay.service.domain.errors import StartupError
from tests.support.jsonl import read_jsonl


def answer(line: int, asked: str = "", ensemble: str | None = "e") -> dict[str, Any]:
    """Return an answer as the command writes it."""
    hashes = {"input_hash": asked or f"h{line}", "ensemble_hash": ensemble}
    return {"line": line, "file": "in", "results": [], **hashes}


def written(path: Path, *answers: dict[str, Any] | bytes) -> AnswersFile:
    """Write a file of answers, and open it."""
    lines = [each if isinstance(each, bytes) else orjson.dumps(each) + b"\n" for each in answers]
    path.write_bytes(b"".join(lines))
    return AnswersFile(path)


def rerun(file: AnswersFile, *lines: int) -> list[int]:
    """Run over rows, each with the hash of its line; return the lines that were asked."""
    asked = []
    for line in lines:
        earlier = file.earlier(AskedRow(("in", line), f"h{line}", "e"))
        if earlier is None:
            asked.append(line)
            file.write(answer(line))
        else:
            file.keep(earlier, "in", line)
    file.finish()
    return asked


def test_answers_that_stand_right_stay_untouched(tmp_path: Path) -> None:
    """Errors, garbage and a cut-off line go."""
    out = tmp_path / "out.jsonl"
    error = {"line": 2, "error": {}}
    file = written(out, answer(1), error, b"nonsense\n", answer(3), b'{"line":4,"res')

    assert rerun(file, 1, 2, 3, 4) == [2, 4]
    assert [row["line"] for row in read_jsonl(out)] == [1, 2, 3, 4]
    assert list(tmp_path.iterdir()) == [out]


def test_an_answer_serves_one_row(tmp_path: Path) -> None:
    """Equal rows have an answer each."""
    file = written(tmp_path / "o", answer(1), answer(2, "h1"))

    found = [file.earlier(AskedRow(("in", line), "h1", "e")) for line in (1, 2, 3)]

    assert [earlier.line if earlier else None for earlier in found] == [1, 2, None]


def test_why_a_row_is_asked_again_is_counted(tmp_path: Path) -> None:
    """The row, the ensemble, or an answer that does not state what was asked."""
    old = {"line": 3, "file": "in", "results": []}
    file = written(tmp_path / "o", answer(1), answer(2, ensemble="other"), old, answer(4))

    for line, asked in ((1, "new"), (2, "h2"), (3, "h3"), (5, "h5")):
        assert file.earlier(AskedRow(("in", line), asked, "e")) is None

    assert file.counts.asked_again() == {
        "their input changed": 1,
        "the ensemble changed": 1,
        "their earlier answers do not state what was asked": 1,
    }
    assert file.left_out == 1


@pytest.mark.parametrize(
    "content", [b"a note\n", b'{"query": "3 + 4?"}\n', b'{"line": "1"}\n', b"[1]"]
)
def test_a_file_without_answers_is_not_emptied(tmp_path: Path, content: bytes) -> None:
    """It holds something else."""
    out = tmp_path / "out.jsonl"

    with pytest.raises(StartupError, match="holds something other than answers"):
        written(out, content)
    assert out.read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"\n", b'{"line":1,"resu', b'{"line":2,"error":{}}\n'])
def test_a_file_without_good_answers_is_begun_again(tmp_path: Path, content: bytes) -> None:
    """A first answer may be unfinished, and all may be errors."""
    out = tmp_path / "out.jsonl"

    assert rerun(written(out, content), 1) == [1]
    assert [row["line"] for row in read_jsonl(out)] == [1]


def test_a_run_that_ends_early_loses_no_answer(tmp_path: Path) -> None:
    """The file beside keeps those whose rows have not come yet."""
    out = tmp_path / "out.jsonl"
    first = written(out, *(answer(line) for line in (1, 2, 3, 4)))
    assert first.earlier(AskedRow(("in", 9), "new", "e")) is None
    first.write(answer(9, "new"))
    first.close()

    assert [row["line"] for row in read_jsonl(out)] == [9]
    assert rerun(AnswersFile(out), 4, 3, 2, 1) == []
    assert [row["line"] for row in read_jsonl(out)] == [4, 3, 2, 1]


def test_a_pipe_holds_no_answers() -> None:
    """All is written to it, in order."""
    content = io.BytesIO()
    stream = AnswersStream(content)

    assert rerun(stream, 1, 2) == [1, 2]  # type: ignore[arg-type]  # it is used alike
    assert len(content.getvalue().splitlines()) == 2
