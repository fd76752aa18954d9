"""`assay batch`: bulk jobs as a user runs them, killed and resumed, here and on Ray."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from tests.support.commands.bulk_jobs import (
    ROWS,
    as_lines,
    as_parquet,
    bodies,
    contents,
    ended,
    results,
    scored,
    start,
    wait_for_parts,
)
from tests.support.commands.in_process import said
from tests.support.servers.processes import Server, call, standin, write_config


def test_each_row_comes_out_once_and_bad_ones_are_set_aside(
    config: Path, upstreams: list[Server], tmp_path: Path
) -> None:
    """Blank lines are no rows; columns of the user's own are carried over; a second run asks and
    writes nothing.

    The output may lie in the folder of the input.
    """
    good = bodies(120)
    lines = [
        *good[:60],
        "",
        '{"query": "no candidates", "id": 7}',
        "not json",
        "[1]",
        {**good[0], "task": "nope"},
        {**good[0], "best": 1},
    ]
    (tmp_path / "in").mkdir()
    as_lines(tmp_path / "in" / "in.jsonl", [*lines, *good[60:]])
    out = tmp_path / "in" / "out"

    command = (tmp_path / "in", out, config, "--task", "t", "--allow-bad", "4%")
    first = ended(start(*command))
    before, asked = contents(out), scored(upstreams[0])
    second = ended(start(*command))

    understood = first.pop("understood")
    assert second.pop("understood") == understood
    assert first.pop("reasons") == second.pop("reasons") != []
    assert understood["in.jsonl"]["columns"]["candidates"] == ["candidates"]
    assert first == second == {"rows": 125, "bad": 5, "partial": 0, "out": str(out)}
    assert contents(out) == before
    assert scored(upstreams[0]) == asked
    rows = results(out)
    assert [row["row"] for row in rows] == list(range(125))
    ranked = [row for row in rows if row["error"] is None]
    assert [row["id"] for row in ranked] == list(range(120))
    assert all(
        row["task"] == "t" and row["model_version"] == "t@0" and not row["partial"]
        for row in ranked
    )
    assert all(
        sorted(row["ranking"]) == [0, 1, 2] and row["best"] == row["ranking"][0] for row in ranked
    )
    assert all(row["score"][row["best"]] == max(row["score"]) for row in ranked)
    assert all(row["probability"] == [None] * 3 for row in ranked)
    assert all(
        len(row["raw"][name]) == 3 for row in ranked for name in ("reward", "rerank", "vote")
    )
    bad = [
        json.loads(line)
        for path in sorted((out / "_bad").iterdir())
        for line in path.read_text().splitlines()
    ]
    assert [(row["row"], row["error"]) for row in bad] == [
        (
            60,
            "candidates: no column has it; there are query, id: name it by --map candidates=COLUMN,"
            " or fill its cell if it is empty",
        ),
        (61, "not JSON: invalid literal, expected 'null': line 1 column 1 (char 0)"),
        (62, "must be an object"),
        (63, "no task is called 'nope'; choose from: default, t"),
        (64, "'best' is also one of the output's columns; rename it"),
    ]
    assert [row["error"] for row in rows if row["error"]] == [row["error"] for row in bad]
    assert bad[1]["input"] == "not json"
    assert [row["input"] for row in bad] == [
        json.loads(str(lines[61])),
        "not json",
        "[1]",
        lines[64],
        lines[65],
    ]
    assert rows[60]["id"] == 7  # what it brought stays beside it
    assert [row["candidates"] for row in ranked] == [row["candidates"] for row in good]
    assert [row["query"] for row in ranked] == [row["query"] for row in good]
    assert len({row["key"] for row in ranked}) == 120


def test_parquet_says_what_lines_say(config: Path, tmp_path: Path) -> None:
    """The same rows in both formats, one file or several, get the same answers; types of carried
    columns stay.
    """
    rows = bodies(230)
    ended(start(as_lines(tmp_path / "in.jsonl", rows), tmp_path / "lines", config))
    (tmp_path / "two").mkdir()
    as_parquet(tmp_path / "two" / "a.parquet", rows[:130])
    as_parquet(
        tmp_path / "two" / "b.parquet",
        [
            {**row, "candidates": [{"text": text, "id": None} for text in row["candidates"]]}
            for row in rows[130:]
        ],
    )

    ended(start(tmp_path / "two", tmp_path / "columns", config))

    said = {
        out: [
            {key: value for key, value in row.items() if key not in ("file", "row", "candidates")}
            for row in results(tmp_path / out)
        ]
        for out in ("lines", "columns")
    }
    assert said["columns"] == said["lines"]
    assert [row["row"] for row in results(tmp_path / "columns")] == [*range(130), *range(100)]
    assert (
        pyarrow.parquet.read_schema(next((tmp_path / "columns").glob("part-*"))).field("id").type
        == pyarrow.int64()
    )


@pytest.mark.slow
def test_killed_three_times_it_ends_as_if_it_never_was(
    config: Path, upstreams: list[Server], tmp_path: Path
) -> None:
    """The output is equal byte for byte; only the calls in progress at a kill are repeated."""
    (tmp_path / "broken" / "_done").mkdir(parents=True)
    (tmp_path / "broken" / "_done" / ".part-00000-000000000000.parquet.00.tmp").touch()
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    source = as_parquet(tmp_path / "in.parquet", bodies(ROWS, "killed"))
    asked = scored(upstreams[0])

    for part in (2, 4, 7):
        process = start(source, broken, config, "--concurrency", "8")
        wait_for_parts(process, broken, part)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    ended(start(source, broken, config))
    again = scored(upstreams[0]) - asked - ROWS
    shutil.rmtree(tmp_path / "data")  # so that nothing is remembered
    ended(start(source, unbroken, config))

    assert contents(broken) == contents(unbroken)
    # Of each kill: rows in flight, and answers on their way to the store, of which a busy machine
    # keeps some waiting.
    assert 0 <= again <= 3 * 4 * 8


@pytest.mark.slow
def test_a_verifier_that_dies_stops_the_job_and_the_next_run_goes_on(tmp_path: Path) -> None:
    """A million rows without a reward model need an explicit `--keep-going`."""
    with standin("reward") as reward, standin("rerank", latency_ms=5) as rerank:
        verifiers = [
            {
                "name": "reward",
                "kind": "reward_model",
                "model": "reward",
                "endpoint": reward.url,
                "retries": 0,
            },
            {"name": "rerank", "kind": "cross_encoder", "model": "rerank", "endpoint": rerank.url},
        ]
        config = write_config(tmp_path / "config.yaml", {"verifiers": verifiers})
        source, out = as_lines(tmp_path / "in.jsonl", bodies(400)), tmp_path / "out"
        process = start(source, out, config, "--concurrency", "4", "--tries", "1")
        wait_for_parts(process, out, 2)
        call(reward.url + "/standin", {"fault": "500"})

        stopped = ended(process, 2)
        done = len(list((out / "_done").iterdir()))
        silent = ended(start(source, out, config, "--tries", "1"), 2)
        call(reward.url + "/standin", {"fault": ""})
        finished = ended(start(source, out, config))
        rows = results(out)
        call(reward.url + "/standin", {"fault": "500"})
        going = ended(start(source, tmp_path / "partial", config, "--keep-going", "--tries", "1"))

    assert "a verifier failed on all 50 rows of part-" in stopped
    assert "reward: " in stopped
    assert "--keep-going" in stopped
    assert 2 <= done < 8
    assert (
        silent.startswith("these verifiers do not answer:\n  reward: ")
        or "a verifier failed on all" in silent
    )
    assert finished["rows"] == len(rows) == 400
    assert going["rows"] == 400


@pytest.mark.slow
def test_what_a_job_wrote_can_be_learned_from(config: Path, tmp_path: Path) -> None:
    """`assay fit` and `assay predict` read the folder, in both formats alike, labels among the
    carried columns.
    """
    rows = [{**row, "labels": [1.0, 0.0, None]} for row in bodies(60, "learned")]
    ended(start(as_lines(tmp_path / "in.jsonl", rows), tmp_path / "lines", config))
    ended(start(as_parquet(tmp_path / "in.parquet", rows), tmp_path / "columns", config))

    fits = [
        said("fit", tmp_path / out, "-o", tmp_path / f"{out}.json", "--labels")
        for out in ("lines", "columns")
    ]
    part = next((tmp_path / "columns").glob("part-*"))
    predicted = said("predict", tmp_path / "columns.json", part, "-o", tmp_path / "p.npz")

    assert [(each["rows"], each["queries"], each["labels"]["labels"]) for each in fits] == [
        (180, 60, 120)
    ] * 2
    weights = [{row["name"]: row["weight"] for row in each["verifiers"]} for each in fits]
    assert weights[0] == pytest.approx(weights[1])
    assert predicted["rows"] == 150
