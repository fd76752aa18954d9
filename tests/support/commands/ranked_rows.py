"""Rows that `assay rank` ranks in the test's process, into one file of a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.commands.bulk_jobs import as_lines
from tests.support.commands.in_process import run
from tests.support.jsonl import read_jsonl
from tests.support.servers.processes import write_config

RANKED_ROWS: list[dict[str, Any]] = [
    {"id": f"q{n}", "query": f"{n} + 1?", "candidates": [f"It is {n + 1}.", f"It is {n}."]}
    for n in range(6)
]


def ranked_scores(answer: dict[str, Any]) -> list[tuple[str, float]]:
    """Return an answer's candidates, best first, with their scores."""
    return [(result["key"], result["score"]) for result in answer["results"]]


def rank_rows(
    folder: Path, rows: list[Any], code: int = 0, settings: dict[str, Any] | None = None
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Rank rows into a folder's out.jsonl; return the summary and the lines of the file."""
    base = {"verifiers": [{"name": "length", "kind": "length"}]}
    config = write_config(folder / "config.yaml", {**base, **(settings or {})})
    source = as_lines(folder / "in.jsonl", rows)
    words: list[str | Path] = [
        "-o",
        folder / "out.jsonl",
        "-c",
        config,
        "--data-dir",
        folder / "data",
        "--json",
    ]
    result = run("rank", source, *words)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout), read_jsonl(folder / "out.jsonl")
