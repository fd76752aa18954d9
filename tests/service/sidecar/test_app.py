"""The sidecar: vLLM's form for heads that vLLM has no class for. The real one runs in vLLM's
environment, beside vLLM.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from assay.service.sidecar.app import (
    Batches,
    SidecarError,
    Waiting,
    _fits,
    _prompts,
    create_sidecar,
)
from assay.verifiers import Grade, HttpPool, Pair, Query
from assay.verifiers.doctor.examine import examine
from assay.verifiers.rewards.reward_model import RewardModel, RewardModelSettings
from tests.support.servers.processes import ROOT, Server, free_port, stop, wait_for

QUERY = "What is 17 + 25?"
CANDIDATES = [
    f"Take {place} first.\n\n17 + 25 = {place + 26}." + " Indeed." * place for place in range(24)
]


class Counting:
    """A model whose score is the number of tokens; keeps its batches."""

    name, max_tokens = "counting", 10

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def score(self, prompts: Sequence[Sequence[int]]) -> list[float]:
        """Return the lengths."""
        if any(13 in ids for ids in prompts):
            raise ValueError("unlucky")
        self.asked.append([len(ids) for ids in prompts])
        return [float(len(ids)) for ids in prompts]

    def ids(self, text: str, special: bool) -> list[int]:
        """Return a token for each character, after a special token on request."""
        return [0, *map(ord, text)] if special else list(map(ord, text))


async def scored(
    model: Counting, *requests: list[list[int]], **limits: int
) -> list[list[float] | BaseException]:
    """Return the results of several requests that come together."""
    batches = Batches(model, limits.get("batch_size", 4), limits.get("max_tokens", 100))  # type: ignore[arg-type]  # all that it uses
    waiting = [asyncio.create_task(batches.score(request)) for request in requests]
    await asyncio.sleep(0)
    running = asyncio.create_task(batches.run())
    try:
        return await asyncio.gather(*waiting, return_exceptions=True)
    finally:
        running.cancel()


async def test_requests_that_wait_together_are_scored_together() -> None:
    """Like lengths beside each other, and each gets its own."""
    model = Counting()

    scores = await scored(model, [[1] * 5, [1]], [[1] * 4], [[1] * 2, [1] * 3])

    assert scores == [[5.0, 1.0], [4.0], [2.0, 3.0]]
    assert model.asked == [[1, 2, 3, 4], [5]]


async def test_a_batch_has_neither_too_many_texts_nor_too_many_tokens() -> None:
    """Padding counts."""
    batches = Batches(Counting(), 3, 12)  # type: ignore[arg-type]  # all that it uses
    loop = asyncio.get_running_loop()

    found = batches.batches(
        [Waiting([1] * size, loop.create_future()) for size in (1, 1, 1, 1, 5, 6, 7)]
    )

    assert [[len(each.ids) for each in batch] for batch in found] == [[1, 1, 1], [1, 5], [6], [7]]


@pytest.mark.parametrize("path", ["/classify", "/tokenize"])
async def test_a_body_is_bounded_in_size_and_time_before_it_is_parsed(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes to no model, and no more of it is taken than there may be."""
    monkeypatch.setattr("assay.service.sidecar.app.MAX_BODY_BYTES", 1000)
    monkeypatch.setattr("assay.service.sidecar.app.PROMPTS_TIMEOUT_S", 0.2)
    app = create_sidecar(Counting(), "m")  # type: ignore[arg-type]  # all that it uses
    taken = []

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            taken.append(100)
            yield b" " * 100

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(20)  # longer than the bound

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://sidecar"
    ) as client:
        large = await client.post(path, content=endless())
        late = await client.post(path, content=slow())
        deep = await client.post(path, content=b"[" * 999)
        monkeypatch.setattr("assay.service.sidecar.app.MAX_BODY_BYTES", 1 << 20)
        deeper = await client.post(path, content=b"[" * 100_000)

    assert (large.status_code, large.json()["error"]["param"], len(taken)) == (413, "body", 11)
    assert (late.status_code, deep.status_code, deeper.status_code) == (408, 400, 400)


async def test_what_a_model_raises_is_that_batchs_failure() -> None:
    """The next request is answered."""
    scores = await scored(Counting(), [[13]], [[1, 1]], batch_size=1)

    assert isinstance(scores[0], RuntimeError)
    assert scores[1] == [2.0]


async def test_more_than_can_wait_is_refused() -> None:
    """503, as vLLM does."""
    [refused] = await scored(Counting(), [[1]] * 5000)

    assert isinstance(refused, SidecarError)
    assert refused.status == 503


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"input": "ab"}, [[0, 97, 98]]),
        ({"input": ["a", "b"], "add_special_tokens": False}, [[97], [98]]),
        ({"input": [5, 6]}, [[5, 6]]),
        ({"input": [[5], [6, 7]]}, [[5], [6, 7]]),
    ],
)
def test_inputs_come_in_four_forms(body: dict[str, Any], expected: list[list[int]]) -> None:
    """Text, texts, ids, lists of ids."""
    assert _prompts(Counting(), body) == expected  # type: ignore[arg-type]  # all that it uses


@pytest.mark.parametrize("body", [{}, {"input": []}, {"input": [""]}, {"input": ""}])
def test_an_empty_input_is_refused(body: dict[str, Any]) -> None:
    """400."""
    with pytest.raises(SidecarError, match="at least one prompt"):
        _prompts(Counting(), body)  # type: ignore[arg-type]  # all that it uses


def test_a_text_that_does_not_fit_is_refused_by_its_tokens() -> None:
    """With the parameter that says so."""
    with pytest.raises(SidecarError, match="maximum context length is 10") as refused:
        _fits(Counting(), [1] * 11)  # type: ignore[arg-type]  # all that it uses

    assert refused.value.body["error"]["param"] == "input_tokens"


# the real one, beside real vLLM
# -----------------------------------------------------------------------------------------


@contextmanager
def sidecar(folder: Path, name: str, *flags: str) -> Iterator[Server]:
    """Serve a tiny model by the sidecar, in vLLM's environment."""
    from tests.vllm.servers import ENVIRONMENT, PYTHON, START_S

    port = free_port()
    command = [
        str(PYTHON),
        "-m",
        "service",
        "sidecar",
        str(folder / name.partition(":")[0]),
        "--served-model-name",
        name,
        "--port",
        str(port),
        *flags,
    ]
    log = folder / f"sidecar-{name}.log"
    with log.open("wb") as out:
        environment = {
            **os.environ,
            **ENVIRONMENT,
            "PYTHONPATH": str(ROOT),
            "HF_MODULES_CACHE": str(folder / "modules"),
        }
        process = subprocess.Popen(
            [*command, "--max-model-len", "2048"],
            cwd=folder,
            stdout=out,
            stderr=out,
            env=environment,
        )
    try:
        server = Server(f"http://127.0.0.1:{port}", process)
        wait_for(server.url + "/health", process, log, START_S)
        yield server
    finally:
        stop(process)


ADAPTER = """
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

class Doubled:
    def __init__(self, name, device):
        self.tokenizer = AutoTokenizer.from_pretrained(name)
        self.model = AutoModelForSequenceClassification.from_pretrained(name).to(device).eval()

    def score(self, input_ids, attention_mask):
        rows = []
        for ids, mask in zip(input_ids, attention_mask):
            rows.append(2 * self.model(input_ids=ids[: int(mask.sum())][None]).logits[0, 0])
        return torch.stack(rows)

def load(name, device, dtype):
    return Doubled(name, device)
"""


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """A model that vLLM serves as well, one with a private head and one with the head of
    INF-ORM.
    """
    from tests.vllm.servers import build_models, real_servers

    folder = tmp_path_factory.mktemp("sidecar")
    build_models(folder)
    (folder / "adapter.py").write_text(ADAPTER)
    with ExitStack() as stack:
        yield {
            "reward": stack.enter_context(sidecar(folder, "reward")),
            "gated": stack.enter_context(
                sidecar(folder, "gated", "--trust-remote-code", "--output", "score")
            ),
            "adapted": stack.enter_context(
                sidecar(folder, "reward:adapted", "--adapter", str(folder / "adapter.py"))
            ),
            "mlp": stack.enter_context(sidecar(folder, "mlp", "--head", "mlp")),
            "vllm": stack.enter_context(
                real_servers(folder, {"reward": ["--runner", "pooling", "--max-model-len", "2048"]})
            )["reward"],
        }


async def scores(server: Server, name: str) -> list[float | None]:
    """Return the candidates' rewards through our verifier."""
    transport = HttpPool()
    verifier = RewardModel(
        RewardModelSettings(name=name, model=name, endpoint=server.url), transport
    )
    verdicts = (
        await verifier.score([Pair(Query.of(QUERY), candidate) for candidate in CANDIDATES])
    ).items
    await transport.close()
    return [verdict.score for verdict in verdicts]


@pytest.mark.vllm
@pytest.mark.timeout(900)
async def test_a_model_that_both_can_serve_scores_alike(real: dict[str, Server]) -> None:
    """In one batch, through the same verifier; the sigmoid, the template and the errors too."""
    body = {
        "model": "reward",
        "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
    }
    ours, theirs = (real[name].post("/classify", body).json for name in ("reward", "vllm"))
    long = {"model": "reward", "input": ["word " * 5000]}

    assert await scores(real["reward"], "reward") == pytest.approx(
        await scores(real["vllm"], "reward"), abs=1e-3
    )
    assert ours["data"][0]["probs"] == pytest.approx(theirs["data"][0]["probs"], abs=1e-4)
    assert ours["usage"]["prompt_tokens"] == theirs["usage"]["prompt_tokens"]
    for refused in (long, {"model": "nope", "input": "x"}, {"model": "reward", "input": []}, b"{"):
        statuses = [real[name].post("/classify", refused).status for name in ("reward", "vllm")]
        assert statuses[0] == statuses[1], refused


@pytest.mark.vllm
@pytest.mark.timeout(900)
async def test_any_other_model_comes_with_an_adapter(real: dict[str, Server]) -> None:
    """A Python file of the operator's."""
    doubled = [2 * (score or 0) for score in await scores(real["reward"], "reward")]

    assert await scores(real["adapted"], "reward:adapted") == pytest.approx(doubled, abs=1e-3)


@pytest.mark.vllm
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["gated", "mlp"])
async def test_a_private_head_is_served_and_batches_change_nothing(
    real: dict[str, Server], name: str
) -> None:
    """Alone or among others of other lengths; the doctor has nothing against it."""
    together = await scores(real[name], name)
    messages = [
        [{"role": "user", "content": QUERY}, {"role": "assistant", "content": candidate}]
        for candidate in CANDIDATES
    ]
    bodies = [{"model": name, "messages": each, "use_activation": False} for each in messages]
    with ThreadPoolExecutor(8) as pool:
        alone = [
            reply.json["data"][0]["probs"][0]
            for reply in pool.map(lambda body: real[name].post("/classify", body), bodies)
        ]
    transport = HttpPool()
    report = await examine(
        RewardModel(RewardModelSettings(name=name, model=name, endpoint=real[name].url), transport)
    )
    await transport.close()

    assert together == pytest.approx(alone, abs=1e-4)
    assert len({round(score or 0, 6) for score in together}) == len(CANDIDATES)
    assert report.grade is not Grade.FAILED, report.findings
