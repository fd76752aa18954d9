"""Training data of a running service, by command: labels win, conversations stay messages."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from tests.support.servers.processes import Server, service
from tests.support.servers.processes import assay as command
from tests.support.servers.reading_kind import config, installed, task
from tests.support.waiting import wait_until

TALK = [
    {"role": "system", "content": "be short"},
    {"role": "user", "content": "hi"},
    {"role": "assistant", "content": "hello"},
    {"role": "user", "content": "and now?"},
]
#: Right by far, and wrong by far, for the test's verifiers.
TOP, LOW = "2 2 2 2", "-2 -2 -2 -2"
ASKED: list[dict[str, Any]] = [
    {"query": "first", "candidates": [TOP, LOW, f"{TOP} "]},
    {"query": "first", "candidates": [TOP, "1 1 1 1"]},
    {"query": "second", "candidates": [TOP, LOW]},
    {"messages": TALK, "candidates": [TOP, LOW]},
]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service whose top answer of the first question and of the conversation is wrong, says a
    person.
    """
    folder = tmp_path_factory.mktemp("exports")
    with service(config(folder), folder, env=installed(folder)) as running:
        for request in ASKED:
            running.post("/v1/rank", {**request, "task": "math"})
        wait_until(lambda: task(running)["requests"] == len(ASKED))
        labels = [
            {**question, "candidate": text, "correct": float(text == LOW)}
            for question in ({"query": "first"}, {"messages": TALK})
            for text in (TOP, LOW)
        ]
        running.post("/v1/tasks/math/labels", {"labels": labels})
        yield running


def exported(running: Server, file: Path, *words: str) -> Any:
    """Return what the command printed."""
    done = command("export", "math", file.name, *words, "--url", running.url, cwd=file.parent)
    assert done.returncode == 0, done.stderr
    return done


def text_of(answer: Any) -> str:
    """Return an answer's text."""
    return str(answer[0]["content"])


def test_what_people_label_wrong_is_never_chosen(labelled: Server, tmp_path: Path) -> None:
    """And what they label right is never rejected, though the model says the opposite."""
    done = exported(labelled, tmp_path / "o.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]

    assert [(text_of(row["chosen"]), text_of(row["rejected"])) for row in rows] == [(LOW, TOP)] * 2
    assert [(row["label_chosen"], row["label_rejected"]) for row in rows] == [(1.0, 0.0)] * 2
    assert "1 have no probability, as the task is not calibrated" in done.stderr
    assert "1 requests repeat a prompt" in done.stderr
    assert "1 candidates repeat a text" in done.stderr


@pytest.mark.parametrize("how", ["kto", "sft"])
def test_what_people_label_wrong_is_not_learned_from(
    labelled: Server, tmp_path: Path, how: str
) -> None:
    """In the other shapes, with the model's order for all other answers."""
    exported(labelled, tmp_path / "o.jsonl", "--format", how, "--uncalibrated", "--min-p", "0.5")
    rows = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    learned = [
        (row["prompt"][-1]["content"], text_of(row["completion"]))
        for row in rows
        if how == "sft" or row["label"]
    ]

    assert {("first", LOW), ("second", TOP), ("and now?", LOW)} <= set(learned)
    assert not {("first", TOP), ("and now?", TOP)} & set(learned)
    assert {row["probability"] for row in rows} == {None}


def test_a_conversation_is_trls_list_of_messages(labelled: Server, tmp_path: Path) -> None:
    """In JSON lines, in Parquet, and as JSON in CSV."""
    for ending in ("jsonl.gz", "parquet", "csv"):
        exported(labelled, tmp_path / f"o.{ending}")
    lines = gzip.decompress((tmp_path / "o.jsonl.gz").read_bytes()).splitlines()
    table = pyarrow.parquet.read_table(tmp_path / "o.parquet").to_pylist()
    cells = list(csv.DictReader(io.StringIO((tmp_path / "o.csv").read_text(), newline="")))
    prompts = [
        [json.loads(line)["prompt"] for line in lines],
        [row["prompt"] for row in table],
        [json.loads(row["prompt"]) for row in cells],
    ]

    assert prompts == [[[{"role": "user", "content": "first"}], TALK]] * 3


@pytest.mark.parametrize(
    ("options", "param"),
    [("min_p=2", "min_p"), ("min_gap=-1", "min_gap"), ("minp=0.5", "minp"), ("", "format")],
)
def test_an_export_of_odd_options_is_refused(labelled: Server, options: str, param: str) -> None:
    """With the name of the option."""
    shape = "format=dpo&" if options else ""

    answer = labelled.get(f"/v1/tasks/math/export?{shape}{options}")

    assert answer.status == 422, answer.raw
    assert param in answer.json["error"]["message"]


def test_the_answer_counts_its_rows_and_what_is_left_out(labelled: Server) -> None:
    """In its headers, before the first row."""
    answer = labelled.get("/v1/tasks/math/export?format=dpo&min_gap=1")

    assert answer.headers["x-assay-rows"] == "2"
    assert answer.headers["x-assay-left-out"] == (
        "repeated_prompt=1, repeated_text=1, uncalibrated=1"
    )
