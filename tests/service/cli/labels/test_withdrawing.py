"""Labels taken back by command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.commands.in_process import run
from tests.support.http.canned_server import answering_by_path

KEY = f"{'1' * 32}:{'2' * 32}"
OTHER = f"{'1' * 32}:{'3' * 32}"
PATH = "/v1/tasks/t/labels/withdraw"


def withdrawn(*words: str | Path, count: int = 1, unknown: int = 0) -> tuple[Any, list[Any]]:
    """Return what the command did, and the entries that it sent."""
    with answering_by_path({PATH: {"withdrawn": count, "unknown": unknown}}) as service:
        done = run("labels", "withdraw", "t", *words, "--url", service.url)
    assert {path for path, _ in service.asked} <= {PATH}
    return done, [entry for _, body in service.asked for entry in body["labels"]]


@pytest.mark.parametrize(
    ("words", "entry"),
    [((), {"key": KEY}), (("--who", "ann"), {"key": KEY, "who": "ann"}), (("--who", ""), {"key": KEY, "who": ""})],
)  # fmt: skip
def test_a_candidates_labels_go_by_its_key(words: tuple[str, ...], entry: dict[str, str]) -> None:
    """Of all annotators, or of one."""
    done, sent = withdrawn(KEY, *words)

    assert (done.stdout, sent) == ("1 labels withdrawn\n", [entry])


def test_a_file_names_candidates_and_annotators(tmp_path: Path) -> None:
    """A file of labels is one; a row's annotator comes before that of the command."""
    file = tmp_path / "l.csv"
    file.write_text(f"key,correct,who,at\n{KEY},1,ann,5\n{OTHER},0,,\n")

    _, sent = withdrawn("--file", file, "--who", "bob")

    assert sent == [{"key": KEY, "who": "ann"}, {"key": OTHER, "who": "bob"}]


def test_a_row_without_an_annotator_withdraws_nobody_elses_label(tmp_path: Path) -> None:
    """Exports of the unnamed annotator's labels have such rows."""
    file = tmp_path / "l.csv"
    file.write_text(f"key,who\n{KEY},\n{OTHER},ann\n")

    _, sent = withdrawn("--file", file)

    assert sent == [{"key": KEY, "who": ""}, {"key": OTHER, "who": "ann"}]


def test_nothing_to_withdraw_is_told() -> None:
    """With the exit code 1."""
    done, _ = withdrawn(KEY, count=0, unknown=1)

    assert (done.exit_code, done.stderr) == (1, "1 of 1 had no label to withdraw\n")


@pytest.mark.parametrize("row", ["k", f"{KEY}x"])
def test_a_wrong_row_keeps_the_file_back(tmp_path: Path, row: str) -> None:
    """The message has its line; nothing is sent."""
    file = tmp_path / "l.csv"
    file.write_text(f"key\n{KEY}\n{row}\n")

    done, sent = withdrawn("--file", file)

    assert (str(done.exception).startswith(f"{file}:3: key"), sent) == (True, [])


def test_either_a_key_or_a_file_is_named(tmp_path: Path) -> None:
    """Not both, and not neither."""
    (tmp_path / "l.csv").write_text(f"key\n{KEY}\n")

    for words in ((), (KEY, "--file", tmp_path / "l.csv")):
        done, sent = withdrawn(*words)
        assert ("either the KEY" in str(done.exception), sent) == (True, [])
