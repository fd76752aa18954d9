"""Cohere's, OpenAI's, LiteLLM's, LangChain's and TRL's own releases: a base URL, or a reward function, is all that changes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.asks import QUERY, TEXTS
from tests.processes import ROOT, Server, service, standin, write_config

PYTHON = os.environ.get("ASSAY_CLIENTS_PYTHON", "")
pytestmark = [pytest.mark.clients, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service that knows arithmetic, with an upstream that says Yes or No."""
    folder = tmp_path_factory.mktemp("clients")
    with standin("judge") as upstream:
        verifiers = [
            {"name": "arithmetic", "kind": "arithmetic"},
            {"name": "yes", "kind": "regex", "must": ["Verdict: Yes|answer is 7"]},
        ]
        upstreams = [{"name": "llm", "endpoint": upstream.url, "model": "judge"}]
        content = {"verifiers": verifiers, "tasks": {"math": {}}, "upstreams": upstreams}
        with service(write_config(folder / "e.yaml", content), folder) as server:
            yield server


def asked(name: str, running: Server) -> Any:
    """Return what a real client got."""
    return ran(Path(__file__).with_name("asks.py"), name, running.url)


def ran(script: Path, *words: str) -> Any:
    """Return what a script prints last, run by the Python that has the clients."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ASSAY_", "PYTHONPATH"))}
    done = subprocess.run([PYTHON, str(script), *words], capture_output=True, text=True, env=kept, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def expected(running: Server) -> list[list[float]]:
    """The first two of our own ranking."""
    answer = running.post("/v1/rank", {"query": QUERY, "candidates": TEXTS, "task": "math"}).json
    return [[each["index"], each["probability"]] for each in answer["results"][:2]]


def test_cohere(running: Server, expected: list[list[float]]) -> None:
    """Results, billed units, and a message where the model is wrong."""
    found = asked("cohere", running)

    assert found["results"] == [[index, pytest.approx(chance, abs=1e-9)] for index, chance in expected]
    assert found["units"] == 1
    assert found["refused"]["status"] == 404
    assert "there are: assay" in found["refused"]["message"]


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
    assert found["models"] == ["llm", "assay", "assay/default", "assay/math"]
    assert len(found["embedding"]) == 1
    assert found["refused"] == "model_not_found"


def test_langchain(running: Server, expected: list[list[float]]) -> None:
    """Documents in our order, with their metadata and the probability."""
    found = asked("langchain", running)

    assert found["places"] == found["later"] == [index for index, _ in expected]
    assert found["scores"] == pytest.approx([chance for _, chance in expected])


def test_trl_trains_for_three_steps(running: Server) -> None:
    """The example's own GRPO loop, with a tiny random model: each step has the rewards of its completions."""
    before = running.get("/v1/tasks/math").json["requests"]

    found = ran(ROOT / "client" / "examples" / "grpo.py", "--model", "tiny", "--steps", "3", "--task", "math", "--url", running.url)

    assert len(found["rewards"]) == 3
    assert all(0 <= reward <= 1 for reward in found["rewards"])
    assert running.get("/v1/tasks/math").json["requests"] > before
