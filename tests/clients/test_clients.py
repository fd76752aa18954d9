"""Others' own releases against the running service: a base URL, or a reward function, is all that
changes.

Clients of Cohere, OpenAI, LiteLLM and LangChain; trainers and samplers: TRL, OpenRLHF, verl,
verifiers, its_hub, inspect-ai.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.asks import QUERY, TEXTS
from tests.support.servers.processes import ROOT, Server, service, standin, write_config

PYTHON = os.environ.get("ASSAY_CLIENTS_PYTHON", "")
#: A configuration, and what OpenRLHF's and verl's own code asked a service of it, with the answers.
RECORDED = json.loads(Path(__file__).with_name("recorded.json").read_text(encoding="utf-8"))
pytestmark = [pytest.mark.clients, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a service with arithmetic, a task without any score, and an upstream that says Yes or No."""
    folder = tmp_path_factory.mktemp("clients")
    with standin("judge") as upstream:
        upstreams = [{"name": "llm", "endpoint": upstream.url, "model": "judge"}]
        with service(
            write_config(folder / "e.yaml", {**RECORDED["config"], "upstreams": upstreams}), folder
        ) as server:
            yield server


def asked(name: str, running: Server) -> Any:
    """Return a real client's result."""
    return ran(Path(__file__).with_name("asks.py"), name, running.url)


def trained(name: str, running: Server, folder: Path, path: str = "") -> Any:
    """Return the result of a trainer's or sampler's own code; `path` is its place, if unusual."""
    here = str(Path(PYTHON).parents[1] / path) if path else ""
    return ran(
        Path(__file__).with_name("trainers.py"),
        name,
        running.url,
        cwd=folder,
        env={"PYTHONPATH": here, "ASSAY_TASK": "math"},
    )


def ran(script: Path, *words: str, cwd: Path = ROOT, env: dict[str, str] | None = None) -> Any:
    """Return the last line of a script that the clients' Python runs."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("ASSAY_", "PYTHONPATH"))
    }
    kept = {**kept, "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0", **(env or {})}
    done = subprocess.run(
        [PYTHON, str(script), *words],
        capture_output=True,
        text=True,
        env=kept,
        cwd=cwd,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def alone(running: Server) -> tuple[list[float], list[float]]:
    """The probabilities and log-odds of each text by itself."""
    pairs = [{"query": QUERY, "candidate": text} for text in TEXTS]
    results = running.post(
        "/v1/score_pairs", {"pairs": pairs, "task": "math", "uncalibrated": "number"}
    ).json["results"]
    return [each["probability"] for each in results], [each["score"] for each in results]


@pytest.fixture(scope="module")
def together(running: Server) -> list[float]:
    """The probabilities of the texts, ranked together."""
    answer = running.post(
        "/v1/rank", {"query": QUERY, "candidates": TEXTS, "task": "math", "uncalibrated": "number"}
    ).json
    return [
        each["probability"] for each in sorted(answer["results"], key=lambda each: each["index"])
    ]


@pytest.fixture(scope="module")
def expected(running: Server) -> list[list[float]]:
    """The first two of our own ranking."""
    answer = running.post(
        "/v1/rank", {"query": QUERY, "candidates": TEXTS, "task": "math", "uncalibrated": "number"}
    ).json
    return [[each["index"], each["probability"]] for each in answer["results"][:2]]


def test_cohere(running: Server, expected: list[list[float]]) -> None:
    """Results, billed units, and a message where the model is wrong."""
    found = asked("cohere", running)

    assert found["results"] == [
        [index, pytest.approx(chance, abs=1e-9)] for index, chance in expected
    ]
    assert found["units"] == 1
    assert found["refused"]["status"] == 404
    assert "choose from: assay" in found["refused"]["message"]


def test_litellm(running: Server, expected: list[list[float]]) -> None:
    """Both of its ways to rerank, and chat."""
    found = asked("litellm", running)

    for provider in ("hosted_vllm", "cohere"):
        assert [index for index, _ in found[provider]] == [index for index, _ in expected]
    assert "Verdict: Yes" in found["chat"]
    assert found["tokens"] > 0


def test_openai(running: Server) -> None:
    """All of the gateway, and an embedding of one number."""
    found = asked("openai", running)

    assert "Verdict: Yes" in found["plain"]
    assert found["plain"] == found["streamed"] == found["later"]
    assert (found["three"], found["drawn"]) == ([0, 1, 2], 6)
    assert found["usage"] > 0
    assert found["models"] == [
        "llm",
        "assay",
        "assay/default",
        "assay/math",
        "assay/silent",
        "assay/train",
    ]
    assert len(found["embedding"]) == 1
    assert found["refused"] == "model_not_found"


def test_langchain(running: Server, expected: list[list[float]]) -> None:
    """Documents in our order, with their metadata and the probability."""
    found = asked("langchain", running)

    assert found["places"] == found["later"] == [index for index, _ in expected]
    assert found["scores"] == pytest.approx([chance for _, chance in expected])


def test_trl_trains_for_three_steps(running: Server) -> None:
    """The example's own GRPO loop, with a tiny random model: each step has the rewards of its
    completions, and the policy's roll-outs teach the task nothing.
    """
    before = running.get("/v1/tasks/train").json["requests"]

    found = ran(
        ROOT / "client" / "examples" / "grpo.py",
        "--model",
        "tiny",
        "--steps",
        "3",
        "--task",
        "train",
        "--url",
        running.url,
    )

    assert len(found["rewards"]) == 3
    assert all(0 <= reward <= 1 for reward in found["rewards"])
    assert running.get("/v1/tasks/train").json["requests"] == before


def test_openrlhf(running: Server, tmp_path: Path) -> None:
    """Its own roll-out code sends and gets the recorded exchange, and reads rewards, scores and
    logs.
    """
    found = trained("openrlhf", running, tmp_path, "openrlhf")

    assert found["kept"] == RECORDED["openrlhf"]
    assert found["said"] == [each["reply"] for each in RECORDED["openrlhf"]]


def test_verl(running: Server, alone: tuple[list[float], list[float]], tmp_path: Path) -> None:
    """Its own reward loop, for either engine; and our function, found by its own loader."""
    found = trained("verl", running, tmp_path)

    chances, logits = alone
    assert found["vllm"] == found["sglang"] == pytest.approx(logits, abs=1e-9)
    assert found["own"] == pytest.approx(chances, abs=1e-9)
    assert without_times(found["kept"]) == without_times(RECORDED["verl"])


def test_verifiers(running: Server, alone: tuple[list[float], list[float]], tmp_path: Path) -> None:
    """A reward from a task's configuration; without any score the roll-out fails and is not low."""
    found = trained("verifiers", running, tmp_path)

    assert found["text"] == found["messages"] == pytest.approx(alone[0], abs=1e-9)
    assert "NoScoreError" in found["refused"]


def test_verifiers_rubric(
    running: Server, alone: tuple[list[float], list[float]], tmp_path: Path
) -> None:
    """The rubrics of earlier releases score a group at once, and give NaN without any score."""
    found = trained("rubric", running, tmp_path, "rubrics")

    assert found["version"] == "0.1.14"
    assert found["rewards"] == pytest.approx(alone[0], abs=1e-9)
    assert all(math.isnan(reward) for reward in found["silent"])


def test_its_hub(running: Server, together: list[float], tmp_path: Path) -> None:
    """Its best of n chooses ours, with our probabilities; without any score it raises an error."""
    found = trained("its_hub", running, tmp_path)

    assert found["chosen"] == TEXTS[1]
    assert found["scores"] == pytest.approx(together, abs=1e-9)
    assert 0 < found["one"] < 1
    assert "no verifier" in found["refused"]


def test_inspect_ai(
    running: Server, alone: tuple[list[float], list[float]], tmp_path: Path
) -> None:
    """An evaluation's scores are our probabilities; samples without any score are unscored, not 0."""
    found = trained("inspect_ai", running, tmp_path)

    assert found["scores"] == pytest.approx(alone[0], abs=1e-9)
    assert found["mean"] == pytest.approx(sum(alone[0]) / 3)
    assert found["silent"] == ["nan"] * 3


def test_openenv(running: Server, alone: tuple[list[float], list[float]], tmp_path: Path) -> None:
    """A rubric by itself and in a weighted sum; without any score it raises, or has its number."""
    result = trained("openenv", running, tmp_path, "openenv")

    assert result["rewards"] == pytest.approx(alone[0], abs=1e-9)
    assert result["summed"] == pytest.approx([chance / 2 for chance in alone[0]], abs=1e-9)
    assert set(result["state"]["versions"]) == {"math"}
    assert "no verifier" in result["refused"]


def test_harbor(running: Server, alone: tuple[list[float], list[float]], tmp_path: Path) -> None:
    """Its verifier reads the file that ours writes; without a score it raises its own error."""
    result = trained("harbor", running, tmp_path, "harbor")

    assert result["rewards"]["reward"] == pytest.approx(alone[0][1], abs=1e-9)
    assert result["rewards"]["assay_score"] == pytest.approx(alone[1][1], abs=1e-9)
    assert result["silent"] == "raised RewardFileNotFoundError"
    assert result["stand_in"] == {"reward": 0.0}


def test_art(running: Server, alone: tuple[list[float], list[float]], tmp_path: Path) -> None:
    """Groups have our rewards; one without any score is left out, or has its number."""
    result = trained("art", running, tmp_path, "art")

    assert result["rewards"] == [pytest.approx(alone[0], abs=1e-9)] * 2
    assert result["before"] == 0.1
    assert result["metadata"]["assay_version"]
    assert (result["silent"], result["stand_in"]) == (0, [0.5] * 3)


def test_litellm_settings(running: Server, expected: list[list[float]], tmp_path: Path) -> None:
    """Our settings lead to us: reranking, chat, and a proxy's list of models."""
    found = trained("litellm", running, tmp_path)

    assert [index for index, _ in found["ranked"]][:2] == [index for index, _ in expected]
    assert "Verdict: Yes" in found["chat"]
    assert "Verdict: Yes" in found["routed"]


def without_times(kept: Any) -> Any:
    """Return exchanges without the fields that differ each time."""
    replies = [
        {key: value for key, value in each["reply"].items() if key not in ("id", "created")}
        for each in kept
    ]
    return [{**each, "reply": reply} for each, reply in zip(kept, replies, strict=True)]
