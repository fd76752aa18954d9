"""A command that cannot finish its file leaves the older one of that name whole."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.service.cli.report import page
from tests.support.commands.in_process import as_npz, run, said
from tests.support.http.canned_server import answering_by_path
from tests.support.servers.processes import ROOT

LABELS = {"labels": [{"key": "k", "correct": 1.0, "random": True, "who": "me", "at": 1.0}]}


def predicted(out: Path) -> int:
    """Score a table."""
    data, model = as_npz(out.parent.parent / "in.npz"), out.parent.parent / "m.json"
    if not model.exists():
        said("fit", data, "-o", model)
    return run("predict", model, data, "-o", out).exit_code


def planned(out: Path) -> int:
    """Plan an ensemble."""
    config = ROOT / "deploy" / "ensembles" / "small.yaml"
    return run("plan", config, "--gpus", "1xL4-24G", "-o", out).exit_code


def fetched(*words: str) -> Callable[[Path], int]:
    """Return a command that fetches a file from a service."""

    def command(out: Path) -> int:
        with answering_by_path({"*": LABELS}) as service:
            return run(*words, out, "--url", service.url).exit_code

    return command


COMMANDS: list[tuple[str, Callable[[Path], int]]] = [
    ("out.npz", predicted),
    ("out.parquet", predicted),
    ("out.jsonl", predicted),
    ("plan.sh", planned),
    ("labels.jsonl", fetched("labels", "export", "t")),
    ("labels.parquet", fetched("labels", "export", "t")),
    ("rows.jsonl", fetched("export", "t")),
    ("page.html", fetched("report", "t", "--html")),
]


@pytest.mark.parametrize(("name", "command"), COMMANDS)
def test_a_full_disk_leaves_the_older_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, command: Callable[[Path], int]
) -> None:
    """And nothing beside it."""
    monkeypatch.setattr(page, "page", lambda *_: "<html>")
    out = tmp_path / "results" / name
    out.parent.mkdir()
    out.write_text("old")
    predicted(out.parent / "first.npz")  # the model of the others is written before the disk fills
    (out.parent / "first.npz").unlink()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    code = command(out)

    assert code != 0
    assert {path.name: path.read_bytes() for path in out.parent.iterdir()} == {name: b"old"}


def test_a_table_takes_the_place_of_the_older_one(tmp_path: Path) -> None:
    """In each format, whole."""
    (tmp_path / "results").mkdir()
    for ending in ("npz", "parquet", "jsonl"):
        out = tmp_path / "results" / f"out.{ending}"
        out.write_text("old")

        assert predicted(out) == 0
        assert out.stat().st_size > 1000
