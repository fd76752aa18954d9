"""The plan of a bulk job."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from assay.service.batch.plan import Part, chunks
from tests.support.commands.bulk_jobs import as_lines, bodies, contents, ended, results, start
from tests.support.servers.processes import service, write_config
from tests.support.waiting import wait_until


@pytest.mark.slow
def test_a_job_is_scored_by_the_models_it_began_with(config: Path, tmp_path: Path) -> None:
    """The plan keeps the served model, so a later part on another store is the same."""
    rows = bodies(100, "frozen")
    with service(config, tmp_path) as running:
        asked = [
            {"query": row["query"], "candidates": row["candidates"], "task": "t"} for row in rows
        ]
        ranked = [running.post("/v1/rank", body).json["results"] for body in asked]
        labels = [
            {"key": each["key"], "correct": float(each["index"] == 0), "random": True}
            for found in ranked[:40]
            for each in found
        ]
        running.post("/v1/tasks/t/labels", {"labels": labels})
        wait_until(
            lambda: running.post("/v1/tasks/t/fit", {}).status == 200
        )  # it may be fitting by itself already
    source, out = as_lines(tmp_path / "in.jsonl", rows), tmp_path / "out"

    ended(start(source, out, config, "--task", "t"))
    before = contents(out)
    (out / "_done" / "part-00000-000000000050.jsonl").unlink()
    (out / "part-00000-000000000050.jsonl").unlink()
    shutil.rmtree(tmp_path / "data")
    ended(start(source, out, config, "--task", "t"))

    assert contents(out) == before
    versions = {row["model_version"] for row in results(out)}
    assert len(versions) == 1
    assert versions != {"t@0"}
    assert all(row["calibrated"] for row in results(out))


@pytest.mark.slow
def test_a_job_is_not_resumed_as_another(config: Path, tmp_path: Path) -> None:
    """Other inputs, another task, other settings: the refusal names the difference."""
    source, out = as_lines(tmp_path / "in.jsonl", bodies(10)), tmp_path / "out"
    ended(start(source, out, config))
    other = as_lines(tmp_path / "other.jsonl", bodies(11))
    changed = json.loads(config.read_text())
    changed["verifiers"][0]["revision"] = "other"
    settings = write_config(tmp_path / "changed.yaml", changed)

    assert "was begun with other input files (in.jsonl)" in ended(start(other, out, config), 2)
    assert "was begun with the task 'default', not 't'" in ended(
        start(source, out, config, "--task", "t"), 2
    )
    assert "was begun with other settings of verifiers.reward; name" in ended(
        start(source, out, settings), 2
    )
    assert "no task is called 'u'; choose from: default, t" in ended(
        start(source, tmp_path / "u", config, "--task", "u"), 2
    )


def test_runs_of_parts_are_adjacent_and_enough_for_all() -> None:
    """Each part is in one run, a run stays in one file, and no worker waits long for the last."""
    parts = [Part(number, number // 40, number % 40, f"part-{number}") for number in range(100)]
    del parts[17]

    for workers in (1, 3, 16, 200):
        found = chunks(parts, workers)

        assert [part for run in found for part in run] == parts
        assert all(
            (a.source, a.place + 1) == (b.source, b.place)
            for run in found
            for a, b in pairwise(run)
        )
        assert len(found) >= min(len(parts), 4 * workers)
