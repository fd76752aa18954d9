"""`assay batch`: one job, from its plan to its mark of success."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.service.batch.plan import BAD, SUCCESS
from tests.support.commands.bulk_jobs import as_lines, bodies, results
from tests.support.commands.in_process import problem, run, said
from tests.support.servers.processes import write_config

pytestmark = pytest.mark.usefixtures("log_as_before")


def words(folder: Path, *rows: object, away: bool = False) -> list[str | Path]:
    """Return the command for a job over checks, and over a server that is away where wanted."""
    verifiers: list[dict[str, object]] = [{"name": "length", "kind": "length"}]
    if away:
        endpoint = {"endpoint": "http://127.0.0.1:9", "retries": 0}
        verifiers.append({"name": "away", "kind": "reward_model", "model": "m", **endpoint})
    config = write_config(folder / "config.yaml", {"verifiers": verifiers})
    source = as_lines(folder / "in.jsonl", rows or bodies(3))
    return ["batch", source, folder / "out", "-c", config, "--data-dir", folder / "data"]


def test_a_job_ends_with_its_counts(tmp_path: Path) -> None:
    """On the output and in a file beside the rows; a second run has nothing to do."""
    command = words(tmp_path, *bodies(2), "nonsense")

    first, second = said(*command), said(*command)

    out = tmp_path / "out"
    counts = {"rows": 3, "bad": 1, "partial": 0}
    assert first == second == {**counts, "out": str(out)}
    assert json.loads((out / SUCCESS).read_text()) == counts
    assert len(results(out)) == 3


def test_a_person_is_shown_where_the_bad_rows_are(tmp_path: Path) -> None:
    """With their number."""
    shown = run(*words(tmp_path, "nonsense", *bodies(1))).stdout

    assert f"2 rows: {tmp_path / 'out'}" in shown
    assert f"1 of them could not be ranked: see {tmp_path / 'out'}/{BAD}" in shown


def test_a_verifier_that_does_not_answer_stops_the_job_before_it_begins(tmp_path: Path) -> None:
    """With its reason and the way round it; nothing is marked as a success."""
    message = problem(*words(tmp_path, away=True))

    assert message.startswith("these verifiers do not answer:\n  away: ")
    assert message.endswith("--keep-going")
    assert not (tmp_path / "out" / SUCCESS).exists()


def test_who_keeps_going_gets_the_rows_without_it(tmp_path: Path) -> None:
    """They are counted as partial."""
    command = words(tmp_path, away=True)

    assert said(*command, "--keep-going", "--tries", "1")["partial"] == 3
    assert "3 of them lack a failed verifier's scores" in run(*command, "--keep-going").stdout
