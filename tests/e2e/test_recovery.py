"""The documented recovery: labels exported, the store lost, labels imported; with the real
commands.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.service.store.client import Store
from assay.service.store.embedded_valkey import EmbeddedStore
from assay.service.store.task_store import TaskStore
from tests.support.servers.processes import Server, service
from tests.support.servers.processes import assay as command
from tests.support.servers.reading_kind import config, installed, task, traffic
from tests.support.waiting import wait_until

ASKED: list[dict[str, Any]] = [
    {"query": "write f", "tests": ["assert f(1) == 2", "assert f(2) == 3"]},
    {"query": "what is 3 + 4?", "reference": "7"},
    {"query": "all of it", "reference": "7", "tests": ["assert True"]},
    {"messages": [{"role": "system", "content": "be short"}, {"role": "user", "content": "hi"}]},
    {"messages": [{"role": "user", "content": "hi"}], "reference": "hello", "tests": ["assert f"]},
]


def rank_all(running: Server, queries: int = 40) -> dict[str, float]:
    """Rank a sample, and return the truth by candidate key."""
    truth: dict[str, float] = {}
    for query, candidates, correct in traffic(queries):
        answer = running.post(
            "/v1/rank", {"query": query, "candidates": candidates, "task": "math"}
        ).json
        truth |= {result["key"]: correct[result["index"]] for result in answer["results"]}
    wait_until(lambda: task(running)["requests"] == queries)
    return truth


def fitted(running: Server) -> dict[str, Any]:
    """Fit the task and return the report; wait for a running fit."""
    while (answer := running.post("/v1/tasks/math/fit", {})).status == 409:
        time.sleep(0.1)  # between looks at another process
    return dict(answer.json)


@pytest.mark.parametrize("name", ["labels.jsonl", "labels.parquet"])
def test_labels_come_back_as_they_were_and_fits_pass_as_before(tmp_path: Path, name: str) -> None:
    """A served model has learned them: counted as new to it, it would win by heart, and nothing
    was ever served again.
    """
    environment = installed(tmp_path)
    with service(config(tmp_path), tmp_path, env=environment) as running:
        truth = rank_all(running)
        chosen = np.random.default_rng(0).choice(sorted(truth), 60, replace=False).tolist()
        labels = [
            {"key": key, "correct": truth[key], "random": place % 4 != 0, "who": "ann"}
            for place, key in enumerate(chosen)
        ]
        running.post("/v1/tasks/math/labels", {"labels": labels})
        first = fitted(running)
        before = running.get("/v1/tasks/math/labels").json["labels"]
        exported = command("labels", "export", "math", name, "--url", running.url, cwd=tmp_path)
    shutil.rmtree(tmp_path / "data" / "store")
    with service(config(tmp_path), tmp_path, env=environment) as running:
        wait_until(lambda: task(running)["model_version"] == f"math@{first['version']}")
        rank_all(running)
        without = fitted(running)
        imported = command("labels", "import", "math", name, "--url", running.url, cwd=tmp_path)
        after = running.get("/v1/tasks/math/labels").json["labels"]
        again = fitted(running)

    assert (exported.returncode, imported.returncode) == (0, 0), imported.stderr
    assert imported.stdout.startswith("60 labels sent, 60 of them new")
    assert after == before
    assert {label["who"] for label in after} == {"ann"}
    assert sum(label["random"] for label in after) == 45
    assert (first["served"], without["served"], again["served"]) == (True, False, True)
    assert "too few labels" in without["not_served"]
    assert [check["against"] for check in again["checks"]] == ["no labels"]
    assert again["labels"] == 60


def test_a_label_by_texts_is_of_the_candidate_that_they_name(tmp_path: Path) -> None:
    """With the request's tests, reference or conversation, over HTTP and from a file."""
    with service(config(tmp_path), tmp_path, env=installed(tmp_path)) as running:
        keys, rows = set(), []
        for asked in ASKED:
            answer = running.post("/v1/rank", {**asked, "candidates": ["1 1 1 1"], "task": "math"})
            keys.add(answer.json["results"][0]["key"])
            rows.append({**asked, "candidate": "1 1 1 1", "correct": 1.0, "random": True})
        sent = running.post("/v1/tasks/math/labels", {"labels": rows[:2]})
        (tmp_path / "rows.jsonl").write_text(
            "\ufeff" + "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
        )
        imported = command(
            "labels", "import", "math", "rows.jsonl", "--url", running.url, cwd=tmp_path
        )
        labels = running.get("/v1/tasks/math/labels").json["labels"]

    assert sent.json["new"] == 2
    assert imported.stdout.startswith("5 labels sent, 3 of them new"), imported.stderr
    assert {label["key"] for label in labels} == keys
    assert len(keys) == len(ASKED)


@pytest.mark.parametrize(("label", "param", "named"), [
    ({"at": 1e13}, "labels.0.at", "10000000000000"), ({"at": -1}, "labels.0.at", "-1"), ({"at": "yesterday"}, "labels.0.at", "yesterday"),
    ({"key": f"{'0' * 32}:{'0' * 32}"}, "labels.0.key", "query"), ({"tests": [""]}, "labels.0.tests.0", "at least 1"),
    ({"messages": []}, "labels.0.messages", "at least 1"), ({"random": 2}, "labels.0.random", "2"),
])  # fmt: skip
def test_labels_of_odd_times_and_of_two_candidates_are_refused(
    running: Server, label: Any, param: str, named: str
) -> None:
    """With the field and the value."""
    body = {"labels": [{"query": "q", "candidate": "c", "correct": 1, **label}]}

    answer = running.post("/v1/tasks/math/labels", body)

    assert answer.status == 422, answer.raw
    assert answer.json["error"]["param"] == param
    assert named in answer.json["error"]["message"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A service that has seen nothing."""
    folder = tmp_path_factory.mktemp("labels")
    with service(config(folder), folder, env=installed(folder)) as started:
        yield started


def test_labels_that_do_not_say_that_they_are_random_do_not_calibrate(running: Server) -> None:
    """In any number: Assay assumes nothing about their selection."""
    truth = rank_all(running)
    body = [{"key": key, "correct": correct} for key, correct in sorted(truth.items())[::2]]

    running.post("/v1/tasks/math/labels", {"labels": body})
    assumed = fitted(running)
    running.post("/v1/tasks/math/labels", {"labels": [{**label, "random": True} for label in body]})
    stated = fitted(running)

    assert (assumed["labels"], assumed["calibrated"]) == (120, False)
    assert (stated["labels"], stated["calibrated"]) == (120, True)


async def test_an_export_counts_once_its_file_is_kept(tmp_path: Path) -> None:
    """A GET changes nothing, for any picture on a page can ask it; the command says it when the
    labels lie on the disk.
    """
    store = Store(EmbeddedStore(tmp_path / "data" / "store", 16).url)
    task_store = TaskStore(store, "math")
    with service(config(tmp_path), tmp_path, env=installed(tmp_path)) as running:
        labels = [{"query": "q", "candidate": f"{place}", "correct": 1} for place in range(3)]
        running.post("/v1/tasks/math/labels", {"labels": labels})
        read = await asyncio.to_thread(running.get, "/v1/tasks/math/labels")
        after_reading = await task_store.state()
        nowhere = await asyncio.to_thread(
            command, "labels", "export", "math", "no/such.jsonl", "--url", running.url, cwd=tmp_path
        )
        after_failing = await task_store.state()
        done = await asyncio.to_thread(
            command, "labels", "export", "math", "a.jsonl", "--url", running.url, cwd=tmp_path
        )
        after = await task_store.state()
        wrong = [
            running.post("/v1/tasks/math/labels/exported", {"labels": number}).status
            for number in (-1, "3", None, 1.5, True)
        ]
        await store.close()

    assert (read.status, len(read.json["labels"]), done.stderr) == (200, 3, "")
    assert (nowhere.returncode, done.returncode) == (2, 0)
    assert (after_reading.exported, after_failing.exported, after.exported) == (0, 0, 3)
    assert after.exported_at > 0
    assert wrong == [422] * 5
