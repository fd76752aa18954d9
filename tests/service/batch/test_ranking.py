"""`assay batch`: bulk jobs as a user runs them, killed and resumed, here and on Ray."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import structlog

from assay.service.batch.files import BatchError, Files
from assay.service.batch.plan import Part, chunks
from tests.support.commands import SAMPLE, problem, said
from tests.support.processes import ROOT, Server, call, service, standin, write_config
from tests.support.waiting import wait_until

ROWS = 500


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """A command that runs in this process logs to what it found there, which is closed when its
    test ends.
    """
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def upstreams() -> Iterator[list[Server]]:
    """Two stand-ins."""
    with standin("reward", latency_ms=5) as reward, standin("rerank", latency_ms=5) as rerank:
        yield [reward, rerank]


@pytest.fixture
def config(upstreams: list[Server], tmp_path: Path) -> Path:
    """An ensemble of a reward model, a reranker and a vote."""
    reward, rerank = upstreams
    verifiers = [
        {"name": "reward", "kind": "reward_model", "model": "reward", "endpoint": reward.url},
        {"name": "rerank", "kind": "cross_encoder", "model": "rerank", "endpoint": rerank.url},
        {"name": "vote", "kind": "consensus"},
    ]
    return write_config(tmp_path / "config.yaml", {"verifiers": verifiers, "tasks": {"t": {}}})


def bodies(rows: int, salt: str = "") -> list[dict[str, Any]]:
    """Return requests, with a column of the user's own."""
    return [
        {
            "id": n,
            "query": f"{salt} what is {n} + {n}?",
            "candidates": [f"{salt} {n} + {n} = {2 * n + off}" for off in range(3)],
        }
        for n in range(rows)
    ]


def as_lines(path: Path, rows: Sequence[Any]) -> Path:
    """Write JSON lines; a string is a line as it is."""
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    )
    return path


def as_parquet(path: Path, rows: Sequence[dict[str, Any]], group: int = 70) -> Path:
    """Write Parquet, its row groups not as long as parts."""
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path, row_group_size=group)
    return path


def start(source: Path | str, out: Path | str, config: Path, *more: str) -> subprocess.Popen[str]:
    """Start the command, the store beside the output, in a session of its own."""
    words = [
        str(source),
        str(out),
        "-c",
        str(config),
        "--data-dir",
        f"{config.parent / 'data'}",
        "--part-rows",
        "50",
        "--json",
        *more,
    ]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    return subprocess.Popen(
        [sys.executable, "-m", "assay.service", "batch", *words],
        env={**kept, "PYTHONPATH": str(ROOT)},
        cwd=config.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str], rc: int = 0) -> Any:
    """Return what a command said: its JSON, or its last words where it fails."""
    out, err = process.communicate(timeout=100)
    assert process.returncode == rc, err
    return json.loads(out) if rc == 0 else err


def results(out: Path) -> list[dict[str, Any]]:
    """Return all rows of an output, in order."""
    rows: list[dict[str, Any]] = []
    for path in sorted(out.glob("part-*")):
        rows += (
            pyarrow.parquet.read_table(path).to_pylist()
            if path.suffix == ".parquet"
            else map(json.loads, path.read_text().splitlines())
        )
    return rows


def contents(out: Path) -> dict[str, bytes]:
    """Return the bytes of every file of an output, less the plan (which names the folder)."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name != "_assay.json"
    }


def scored(server: Server) -> int:
    """Return how many calls that score a stand-in has answered."""
    asked = call(server.url + "/standin").json["asked"]
    return sum(
        count
        for path, count in asked.items()
        if path in ("/classify", "/score", "/rerank", "/v1/score", "/v1/rerank")
    )


def wait_for_parts(process: subprocess.Popen[str], out: Path, count: int) -> None:
    """Return when so many parts are written."""
    until = time.monotonic() + 60
    while len(list((out / "_done").glob("part-*"))) < count:
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < until
        time.sleep(0.005)  # between looks at the folder that another process fills


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

    first = ended(start(tmp_path / "in", out, config, "--task", "t"))
    before, asked = contents(out), scored(upstreams[0])
    second = ended(start(tmp_path / "in", out, config, "--task", "t"))

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
    assert all(row["probability"][row["best"]] == max(row["probability"]) for row in ranked)
    assert all(
        len(row["raw"][name]) == 3 for row in ranked for name in ("reward", "rerank", "vote")
    )
    bad = [
        json.loads(line)
        for path in sorted((out / "_bad").iterdir())
        for line in path.read_text().splitlines()
    ]
    assert [(row["row"], row["error"]) for row in bad] == [
        (60, "candidates: Field required"),
        (61, "not JSON: invalid literal, expected 'null': line 1 column 1 (char 0)"),
        (62, "not an object"),
        (63, "no task is called 'nope'; there are: default, t"),
        (64, "'best' is also one of the output's columns; rename it"),
    ]
    assert [row["error"] for row in rows if row["error"]] == [row["error"] for row in bad]
    assert bad[1]["input"] == "not json"
    assert rows[60]["id"] == 7  # what it brought stays beside it


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
            {key: value for key, value in row.items() if key not in ("file", "row")}
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
    """The output is the same byte for byte, and what was under way at a kill is all that is
    asked again.
    """
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
def test_ray_ranks_the_same_though_its_worker_dies(config: Path, tmp_path: Path) -> None:
    """A cluster of this machine; the actor is killed as it works, and another one goes on."""
    source = as_parquet(tmp_path / "in.parquet", bodies(ROWS, "ray"))
    ended(start(source, tmp_path / "plain", config))
    shutil.rmtree(tmp_path / "data")

    process = start(
        source, tmp_path / "ray", config, "--ray", "local", "--workers", "1", "--concurrency", "8"
    )
    wait_for_parts(process, tmp_path / "ray", 3)
    for pid in ray_workers():
        os.kill(pid, signal.SIGKILL)
    ended(process)

    assert contents(tmp_path / "ray") == contents(tmp_path / "plain")


def ray_workers() -> list[int]:
    """Return the actors that rank."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (entry / "cmdline").exists():
            title = (entry / "cmdline").read_bytes()
            if title.startswith(b"ray::") and b"Worker" in title:
                found.append(int(entry.name))
    assert found
    return found


@pytest.mark.slow
def test_a_verifier_that_dies_stops_the_job_and_the_next_run_goes_on(tmp_path: Path) -> None:
    """Nobody wants a million rows without their reward model; who does says so."""
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
def test_a_job_is_scored_by_the_models_it_began_with(config: Path, tmp_path: Path) -> None:
    """What a task has learned is kept in the plan: a part that is made later, on another store,
    is the same.
    """
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
    """Other inputs, another task, other settings of a verifier: each is refused with what
    differs.
    """
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
    assert "was begun with other settings of the verifier 'reward'" in ended(
        start(source, out, settings), 2
    )
    assert "no task is called 'u'; there are: default, t" in ended(
        start(source, tmp_path / "u", config, "--task", "u"), 2
    )


def test_what_cannot_be_an_input_is_refused(config: Path, tmp_path: Path) -> None:
    """Nothing there, two formats, other columns, columns that the output has, damage, no rows."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "both").mkdir()
    as_lines(tmp_path / "both" / "a.jsonl", [])
    as_parquet(tmp_path / "both" / "b.parquet", bodies(1))
    as_parquet(tmp_path / "other.parquet", [{"text": "x"}])
    as_parquet(tmp_path / "taken.parquet", [{**bodies(1)[0], "score": 1.0}])
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1 but no more")

    def refused(name: str) -> str:
        return problem(
            "batch",
            name if ":" in name else tmp_path / name,
            tmp_path / "out",
            "-c",
            config,
            "--data-dir",
            tmp_path / "data",
        )

    assert "there is no such file or folder" in refused("none.jsonl")
    assert "has no .jsonl or .parquet file" in refused("empty")
    assert "has both .jsonl and .parquet files" in refused("both")
    assert "needs the columns candidates, and query or messages; there are: text" in refused(
        "other.parquet"
    )
    assert "the column 'score' is also one of the output's; rename it" in refused("taken.parquet")
    assert "not Parquet" in refused("damaged.parquet")
    assert "has no rows" in refused(str(as_lines(tmp_path / "blank.jsonl", ["", ""]).name))
    assert "nosuch" in refused("nosuch://bucket/x.jsonl")


def test_an_object_store_will_do(config: Path, tmp_path: Path) -> None:
    """Paths are fsspec's: here, memory."""
    files = Files("memory://batch-test")
    files.put(as_lines(tmp_path / "in.jsonl", bodies(70)).read_bytes(), "in.jsonl")

    found = said(
        "batch",
        "memory://batch-test/*.jsonl",
        "memory://batch-test/out",
        "-c",
        config,
        "--data-dir",
        tmp_path / "data",
        "--part-rows",
        "50",
    )

    assert found == {"rows": 70, "bad": 0, "partial": 0, "out": "memory://batch-test/out"}
    assert files.names("out/_done") == [
        "part-00000-000000000000.jsonl",
        "part-00000-000000000050.jsonl",
    ]
    last = files.get("out", "part-00000-000000000050.jsonl")
    assert last is not None
    assert len(last.splitlines()) == 20


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


@pytest.mark.slow
def test_a_fit_on_ray_is_the_fit(tmp_path: Path) -> None:
    """The files of a folder, reduced by workers, give the same model to the last bit; what is
    wrong with one is said.
    """
    (tmp_path / "parts").mkdir()
    for number in range(5):
        picked = SAMPLE.query_id % 5 == number
        rows = {
            "scores": SAMPLE.scores[picked],
            "query_id": SAMPLE.query_id[picked],
            "labels": SAMPLE.labels[picked],
        }
        np.savez(
            tmp_path / "parts" / f"{number}.npz", verifier_names=np.array(SAMPLE.names), **rows
        )

    def fit(out: str, *more: str) -> subprocess.CompletedProcess[str]:
        words = ["fit", "parts", "-o", out, "--labels", "--json", *more]
        return subprocess.run(
            [sys.executable, "-m", "assay.service", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )

    here, there = fit("here.json"), fit("there.json", "--ray", "local")
    np.savez(tmp_path / "parts" / "9.npz", verifier_names=np.array(SAMPLE.names), **rows)
    doubled = fit("no.json", "--ray", "local")

    assert here.returncode == there.returncode == 0, there.stderr
    assert (tmp_path / "there.json").read_bytes() == (tmp_path / "here.json").read_bytes()
    assert doubled.returncode == 2
    assert "a query is in parts/4.npz and in parts/9.npz" in doubled.stderr


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


def test_a_place_that_is_none_is_refused() -> None:
    """A protocol that fsspec does not know."""
    with pytest.raises(BatchError, match="nosuch"):
        Files("nosuch://bucket")
