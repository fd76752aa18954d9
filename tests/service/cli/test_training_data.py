"""Training data in files of every form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from assay.service.row_files.forms.endings import ENDINGS
from assay.service.row_files.reading import numbered_rows
from tests.support.commands.in_process import run
from tests.support.http.canned_server import answering

PAIR = {
    "prompt": "q", "chosen": "-5", "rejected": "=HYPERLINK(1)", "label_chosen": 1.0, "label_rejected": None,
    "probability_chosen": None, "probability_rejected": None, "score_chosen": 0.5, "score_rejected": -0.5, "model_version": "t@1",
}  # fmt: skip
TALK = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]


def exported(file: Path, rows: list[dict[str, Any]], *words: str, left_out: str = "") -> Any:
    """Return what the command did with these rows."""
    body = "".join(json.dumps(row) + "\n" for row in rows).encode()
    with answering(body=body, x_assay_left_out=left_out) as service:
        return run("export", "t", file, *words, "--url", service.url)


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_name_says_the_form(tmp_path: Path, ending: str) -> None:
    """The texts are as they were ranked."""
    file = tmp_path / f"rows{ending}"

    done = exported(file, [PAIR, PAIR])
    rows = [row for _, row in numbered_rows(file)]

    assert done.stdout == f"2 rows written to {file}\n", done.output
    assert [(row["chosen"], row["rejected"]) for row in rows] == [("-5", "=HYPERLINK(1)")] * 2
    assert float(rows[0]["score_chosen"]) == 0.5
    assert rows[0].get("probability_chosen") is None


def test_messages_are_lists_in_parquet(tmp_path: Path) -> None:
    """TRL reads them as a conversation."""
    row = {**PAIR, "prompt": TALK, "chosen": TALK[1:], "rejected": TALK[1:]}

    exported(tmp_path / "rows.parquet", [row])

    [back] = pyarrow.parquet.read_table(tmp_path / "rows.parquet").to_pylist()
    assert (back["prompt"], back["chosen"]) == (TALK, TALK[1:])


@pytest.mark.parametrize(
    ("how", "kind"), [("kto", "bool"), ("sft", "double"), ("reward", "double")]
)
def test_an_empty_export_has_its_columns(tmp_path: Path, how: str, kind: str) -> None:
    """With the types that rows would have."""
    done = exported(tmp_path / "rows.parquet", [], "--format", how)

    schema = pyarrow.parquet.read_schema(tmp_path / "rows.parquet")
    assert done.stdout.startswith("0 rows")
    assert str(schema.field("label").type) == kind
    assert str(schema.field("completion").type) == "string"


def test_what_makes_no_row_is_said_with_its_reason(tmp_path: Path) -> None:
    """Also a reason that this release does not know."""
    done = exported(
        tmp_path / "rows.jsonl", [], left_out="uncalibrated=12, below_min_gap=3, new_reason=1"
    )

    lines = done.stderr.splitlines()
    assert lines[0].startswith("left out: 12 have no probability")
    assert "--uncalibrated" in lines[0]
    assert lines[1:] == ["left out: 3 are below --min-gap", "left out: 1 new_reason"]


@pytest.mark.parametrize(("words", "cell"), [((), "-5"), (("--for-spreadsheets",), "'-5")])
def test_formulas_are_counted_or_made_harmless(
    tmp_path: Path, words: tuple[str, ...], cell: str
) -> None:
    """CSV alone can hold them."""
    done = exported(tmp_path / "rows.csv", [PAIR], *words)

    [(_, row)] = numbered_rows(tmp_path / "rows.csv")
    assert row["chosen"] == cell
    assert ("2 texts begin with =, +, - or @" in done.stderr) == (not words)
    assert exported(tmp_path / "rows.jsonl", [PAIR]).stderr == ""
    assert exported(tmp_path / "rows.jsonl", [PAIR], "--for-spreadsheets").exit_code == 1


@pytest.mark.parametrize("name", ["rows.xlsx", "rows", "rows.txt"])
def test_another_form_is_refused(tmp_path: Path, name: str) -> None:
    """With the endings that there are, and no file."""
    done = exported(tmp_path / name, [PAIR])

    assert (done.exit_code, (tmp_path / name).exists()) == (1, False)
    assert ".csv, .tsv, each also with .gz or .zst, or .parquet" in str(done.exception)
