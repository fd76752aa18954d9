"""Teaching a running service: labels in, a fit, versions forward and back; over HTTP and by
command.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from assay.service.learning.exports.options import EXPORT_COLUMNS, ExportFormat
from tests.support.servers.processes import Server, call, service
from tests.support.servers.processes import assay as command
from tests.support.servers.reading_kind import config, installed, task, traffic
from tests.support.waiting import wait_until

TASKS = {"math": {"store_text": True}, "given": {}}


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, float]]]:
    """A service of two workers that has ranked forty queries, and the truth by candidate key."""
    folder = tmp_path_factory.mktemp("teaching")
    environment = {**installed(folder), "ASSAY_WORKERS": "2"}
    with service(config(folder), folder, env=environment) as running:
        truth: dict[str, float] = {}
        for query, candidates, correct in traffic(40):
            answer = running.post(
                "/v1/rank", {"query": query, "candidates": candidates, "task": "math"}
            )
            truth |= {result["key"]: correct[result["index"]] for result in answer.json["results"]}
        wait_until(lambda: task(running)["requests"] == 40)
        yield running, truth


def test_traffic_alone_makes_a_version(taught: tuple[Server, dict[str, float]]) -> None:
    """Without any label, and on both workers."""
    running, _ = taught

    wait_until(lambda: task(running)["model_version"] != "math@0")
    time.sleep(2.0)  # what is promised: every replica serves it within two seconds
    body = {"query": "new", "candidates": ["1 1 1 1", "0 0 0 0"], "task": "math"}
    answers = [running.post("/v1/rank", body).json for _ in range(6)]

    assert all(not answer["cold"] and not answer["calibrated"] for answer in answers)
    assert answers[-1]["results"][0]["index"] == 0


def test_labels_calibrate_and_noise_loses_its_weight(
    taught: tuple[Server, dict[str, float]],
) -> None:
    """By key, and by text; the fit is served everywhere within two seconds."""
    running, truth = taught
    labels = [
        {"key": key, "correct": correct, "random": True, "who": "ann"}
        for key, correct in sorted(truth.items())[::4]
    ]
    query, candidates, correct = next(traffic(1))
    labels.append(
        {"query": query, "candidate": candidates[0], "correct": correct[0], "random": True}
    )

    first = running.post("/v1/tasks/math/labels", {"labels": labels}).json
    again = running.post("/v1/tasks/math/labels", {"labels": labels}).json
    fitted = running.post("/v1/tasks/math/fit", {})
    time.sleep(2.0)  # what is promised: every replica serves it within two seconds
    answers = [
        running.post(
            "/v1/rank", {"query": "q", "candidates": ["2 2 0 0", "-1 -1 1 1"], "task": "math"}
        ).json
        for _ in range(8)
    ]

    assert (first["durable"], again["new"], len(truth)) == (True, 0, 240)
    assert fitted.status in (200, 409)
    assert {answer["model_version"] for answer in answers} == {task(running)["model_version"]}
    assert all(answer["calibrated"] and answer["results"][0]["index"] == 0 for answer in answers), (
        task(running)
    )
    weights = {row["name"]: row["weight"] for row in task(running)["report"]["verifiers"]}
    assert min(weights["v0"], weights["v1"]) > max(abs(weights["v2"]), abs(weights["v3"]))


def test_versions_go_forward_and_back(taught: tuple[Server, dict[str, float]]) -> None:
    """Pinned on request; an error names an unknown version."""
    running, _ = taught
    running.post("/v1/tasks/math/fit", {})
    known = [each["version"] for each in running.get("/v1/tasks/math/models").json["models"]]

    promoted = running.post(f"/v1/tasks/math/models/{known[0]}/promote", {"pinned": True}).json
    running.post("/v1/tasks/math/fit", {})
    pinned = running.get("/v1/tasks/math/models").json
    unknown = running.post("/v1/tasks/math/models/99/promote", {})
    back = running.post("/v1/tasks/math/rollback", {}).json

    assert (promoted["serving"], promoted["pinned"]) == (known[0], True)
    assert pinned["serving"] == known[0]
    assert unknown.status == 404
    assert "choose from: 1" in unknown.json["error"]["message"]
    assert back["serving"] != known[0]


def test_another_version_is_shadowed(taught: tuple[Server, dict[str, float]]) -> None:
    """Its answers to the kept traffic: no change for the same model, some without labels."""
    running, _ = taught
    models = running.get("/v1/tasks/math/models").json
    newest = models["models"][-1]["version"]
    running.post(f"/v1/tasks/math/models/{newest}/promote", {"pinned": True})

    same = running.get(f"/v1/tasks/math/models/{newest}/shadow").json
    first = running.get("/v1/tasks/math/models/1/shadow").json
    unknown = running.get("/v1/tasks/math/models/99/shadow")

    assert (same["serving"], same["other"], same["same_top"], same["probability_difference"]) == (
        newest,
        newest,
        1.0,
        0.0,
    )
    assert same["log_loss"]["serving"] == same["log_loss"]["other"]
    assert same["queries"] >= 40
    assert first["other"] == 1
    assert 0.3 < first["same_top"] <= 1
    assert first["probability_difference"] > 0.01
    assert first["log_loss"]["serving"] < first["log_loss"]["other"]
    assert (unknown.status, unknown.json["error"]["code"]) == (404, "unknown_version")


def test_candidates_to_label_are_drawn_from_queries_that_have_none(
    taught: tuple[Server, dict[str, float]],
) -> None:
    """With their texts, at random."""
    running, _ = taught
    labelled = {
        each["key"].split(":")[0] for each in running.get("/v1/tasks/math/labels").json["labels"]
    }

    drawn = running.get("/v1/tasks/math/to-label?n=3").json["candidates"]

    assert all(each["random"] and each["query"].startswith(("query", "new", "q")) for each in drawn)
    assert not labelled & {each["key"].split(":")[0] for each in drawn}


def test_labels_are_given_by_hand(taught: tuple[Server, dict[str, float]], tmp_path: Path) -> None:
    """Yes, no, skip, enough; the command shows their worth when they calibrate."""
    running, _ = taught
    before = task(running)["labels"]
    for number in range(4):
        running.post(
            "/v1/rank",
            {"query": f"by hand {number}", "candidates": ["1 1 1 1", "0 0 0 0"], "task": "math"},
        )
    wait_until(lambda: running.get("/v1/tasks/math/to-label?n=9").json["left"] >= 4)

    labelled = command(
        "label", "math", "-n", "4", "--url", running.url, cwd=tmp_path, typed="y\ns\nn\nq\n"
    )

    assert labelled.returncode == 0, labelled.stderr
    assert (
        f"2 labels given, {before + 2} in all: {before + 2} labels: expected selection@1 0."
        in labelled.stdout.replace("\n", " ")
    )
    assert task(running)["labels"] == before + 2


@pytest.mark.parametrize(("path", "body", "status", "param"), [
    ("/v1/tasks/nope/labels", {"labels": []}, 404, "task"), ("/v1/tasks/math/labels", {"labels": []}, 422, "labels"),
    ("/v1/tasks/math/labels", {"labels": [{"key": "x", "correct": 1}]}, 422, "labels.0.key"),
    ("/v1/tasks/math/labels", {"labels": [{"query": "q", "candidate": "c", "correct": 2}]}, 422, "labels.0.correct"),
    ("/v1/tasks/math/labels", {"labels": [{"query": "q", "correct": 1}]}, 422, "labels.0.key"), ("/v1/tasks/math/labels", b"{", 400, None),
    ("/v1/tasks/default/to-label?n=5", None, 409, None), ("/v1/tasks/math/to-label?n=0", None, 422, "n"),
])  # fmt: skip
def test_what_is_wrong_is_named(
    taught: tuple[Server, dict[str, float]], path: str, body: Any, status: int, param: str | None
) -> None:
    """With the field and a right value."""
    running, _ = taught

    answer = call(running.url + path, body)

    assert answer.status == status, answer.raw
    if param:
        assert answer.json["error"]["param"] == param


def test_the_commands_do_the_same(taught: tuple[Server, dict[str, float]], tmp_path: Path) -> None:
    """Tasks, a fit, a promotion, labels out and in."""
    running, _ = taught
    here = ("--url", running.url)

    listed = command("tasks", *here, cwd=tmp_path)
    fitted = command("fit", "--task", "math", *here, cwd=tmp_path)
    promoted = command("promote", "math", "1", "--unpin", *here, cwd=tmp_path)
    exported = command("labels", "export", "math", "labels.jsonl", *here, cwd=tmp_path)
    imported = command("labels", "import", "math", "labels.jsonl", *here, cwd=tmp_path)
    columns = [
        command("labels", how, "math", "labels.parquet", *here, cwd=tmp_path)
        for how in ("export", "import")
    ]
    shadowed = command("shadow", "math", "1", *here, cwd=tmp_path)
    unknown = command("fit", "--task", "nope", *here, cwd=tmp_path)
    away = command("tasks", "--url", "http://127.0.0.1:9", cwd=tmp_path)

    assert "math" in listed.stdout
    assert fitted.returncode == 0, fitted.stderr
    assert "held-out labels" in fitted.stdout
    assert promoted.stdout.strip() == "math@1 is served"
    assert exported.returncode == 0
    assert "labels sent, 0 of them new" in imported.stdout
    assert (
        columns[0].stdout.split()[0] == columns[1].stdout.split()[0] == exported.stdout.split()[0]
    )
    assert "labels sent, 0 of them new" in columns[1].stdout
    assert "math@1 beside math@1 on" in shadowed.stdout
    assert "the same first candidate in 100.0%" in shadowed.stdout
    assert (unknown.returncode, away.returncode) == (2, 2)
    assert "is the service running" in away.stderr


@pytest.mark.parametrize("how", get_args(ExportFormat))
def test_traffic_becomes_training_data(
    taught: tuple[Server, dict[str, float]], tmp_path: Path, how: ExportFormat
) -> None:
    """In TRL's shapes; better than chance by the truth."""
    running, truth = taught
    right = {
        query + text: value
        for query, texts, values in traffic(40)
        for text, value in zip(texts, values, strict=True)
    }

    newest = running.get("/v1/tasks/math/models").json["models"][-1]["version"]
    running.post(f"/v1/tasks/math/models/{newest}/promote", {})
    wait_until(lambda: task(running)["calibrated"])

    done = command(
        "export", "math", "rows.jsonl", "--format", how, "--url", running.url, cwd=tmp_path
    )

    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert rows
    assert all(tuple(row) == EXPORT_COLUMNS[how] for row in rows)
    told = [row for row in rows if row["prompt"].startswith("query 0.")]
    if how == "dpo":
        chosen, rejected = (
            [
                row[f"probability_{role}"] if row[f"label_{role}"] is None else row[f"label_{role}"]
                for row in rows
            ]
            for role in ("chosen", "rejected")
        )
        assert all(high - low >= 0.2 for high, low in zip(chosen, rejected, strict=True))
        assert min(chosen) >= 0.5
        assert (
            np.mean(
                [
                    right[row["prompt"] + row["chosen"]] - right[row["prompt"] + row["rejected"]]
                    for row in told
                ]
            )
            > 0.3
        )
    elif how == "kto":
        assert (
            np.mean([right[row["prompt"] + row["completion"]] == row["label"] for row in told])
            > 0.7
        )
    elif how == "sft":
        assert len({row["prompt"] for row in rows}) == len(rows)
    else:
        assert len(told) == len(truth)


def test_a_restart_serves_the_same_version(tmp_path: Path) -> None:
    """The store holds the model with its number."""
    environment = installed(tmp_path)
    with service(config(tmp_path), tmp_path, env=environment) as running:
        for query, candidates, _ in traffic(30, 1):
            running.post("/v1/rank", {"query": query, "candidates": candidates, "task": "math"})
        wait_until(lambda: task(running)["model_version"] != "math@0")
        before = running.post(
            "/v1/rank", {"query": "q", "candidates": ["1 1 0 0", "0 0 1 1"], "task": "math"}
        ).json
        running.kill()
    with service(config(tmp_path), tmp_path, env=environment) as running:
        after = running.post(
            "/v1/rank", {"query": "q", "candidates": ["1 1 0 0", "0 0 1 1"], "task": "math"}
        ).json

    assert after["model_version"] in (
        before["model_version"],
        f"math@{int(before['model_version'][5:]) + 1}",
    )
    assert after["results"][0]["score"] == pytest.approx(before["results"][0]["score"], abs=0.5)
