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


@pytest.mark.parametrize(
    ("who", "names", "others"),
    [((), ["ann", "bob", ""], 0), (("--who", "bob"), ["bob", "bob"], 1), (("--who", " ann "), ["ann", " ann "], 1), (("--who", ""), [""], 2)],
)  # fmt: skip
def test_a_named_annotators_labels_go_and_no_others(
    tmp_path: Path, who: tuple[str, ...], names: list[str], others: int
) -> None:
    """Rows of others are passed over, and counted; rows that name none are of the named one."""
    file = tmp_path / "l.csv"
    file.write_text(f"key,correct,who,at\n{KEY},1,ann,5\n{KEY},0,bob,\n{KEY},0,,\n")

    done, sent = withdrawn("--file", file, *who)

    assert sent == [{"key": KEY, "who": name} for name in names]
    assert (f"{others} of 3 rows are of other annotators" in done.stderr) is (others > 0)


def test_a_file_of_others_labels_withdraws_nothing(tmp_path: Path) -> None:
    """The exit code says so."""
    file = tmp_path / "l.csv"
    file.write_text(f"key,who\n{KEY},ann\n{OTHER},bob\n")

    done, sent = withdrawn("--file", file, "--who", "eve")

    assert (done.exit_code, done.stdout, sent) == (1, "0 labels withdrawn\n", [])


@pytest.mark.parametrize(
    ("name", "text", "entry"),
    [
        ("l.jsonl", f'{{"key":"{KEY}","correct":1,"annotator":"ann"}}\n', {"key": KEY, "who": "ann"}),
        ("l.jsonl", f'{{"key":"{KEY}","random":null,"matched":true}}\n', {"key": KEY, "who": ""}),
        ("l.csv", f"key,correct,annotator\n{KEY},true,ann\n", {"key": KEY, "who": "ann"}),
        ("l.csv", "query,candidate,correct\n2+2?,,0\n", {"query": "2+2?", "candidate": "", "who": ""}),
        (
            "l.csv",
            'messages,candidate,correct\n"[{""role"":""user"",""content"":""q""}]",4,1\n',
            {"messages": [{"role": "user", "content": "q"}], "candidate": "4", "who": ""},
        ),
        (
            "l.csv",
            'query,tests,candidate,correct\nq,"[""assert f() == 1""]",c,1\n',
            {"query": "q", "tests": ["assert f() == 1"], "candidate": "c", "who": ""},
        ),
    ],
)  # fmt: skip
def test_a_file_that_was_imported_is_withdrawn(
    tmp_path: Path, name: str, text: str, entry: dict[str, Any]
) -> None:
    """Each form that `import` reads."""
    file = tmp_path / name
    file.write_text(text)

    _, sent = withdrawn("--file", file)

    assert sent == [entry]


@pytest.mark.parametrize("field", ["whom", "Who", "candidates"])
def test_a_misspelt_field_keeps_the_file_back(tmp_path: Path, field: str) -> None:
    """The unnamed annotator's labels stay."""
    file = tmp_path / "l.jsonl"
    file.write_text(f'{{"key":"{KEY}"}}\n{{"key":"{OTHER}","{field}":"ann"}}\n')

    done, sent = withdrawn("--file", file)

    assert (f"{file}:2: a label has no field '{field}'" in str(done.exception), sent) == (True, [])


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
