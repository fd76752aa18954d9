"""The doctor on real vLLM: each way of serving a model wrongly is found, and so is a model that
is served right.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from assay.verifiers import KINDS, HttpPool, Pair, Query, VerifierSettings, build
from assay.verifiers.doctor.examine import Report, examine
from assay.verifiers.doctor.probes import attacks, probes
from assay.verifiers.judges.base import Judging
from tests.support.servers.processes import Server, call, free_port
from tests.support.verifiers.examinations import failed_checks
from tests.vllm.servers import LENGTH, POOLING, STEP, build_models, real_servers

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(900)]

WRONG_STEP = STEP.replace("3", "2")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """Models served right, and the same models served wrongly."""
    folder = tmp_path_factory.mktemp("doctor")
    build_models(folder)
    build_models(folder, "--smollm2")
    doubled = folder / "doubled.jinja"
    doubled.write_text("<|endoftext|>" + template_of(folder / "bos"))
    flags = {
        "judge": LENGTH,
        "judge:small": ["--max-model-len", "256"],
        "reward": [*POOLING, *LENGTH],
        "prm": [*POOLING, *LENGTH, "--pooler-config", STEP],
        "prm:wrong": [*POOLING, *LENGTH, "--pooler-config", WRONG_STEP],
        "bos": [*POOLING, *LENGTH],
        "bos:doubled": [*POOLING, *LENGTH, "--chat-template", str(doubled)],
        "smollm2": ["--max-model-len", "4096"],
    }
    with real_servers(folder, flags) as servers:
        yield servers


def template_of(folder: Path) -> str:
    """Return a model's own chat template."""
    file = folder / "chat_template.jinja"
    return (
        file.read_text()
        if file.exists()
        else str(json.loads((folder / "tokenizer_config.json").read_text())["chat_template"])
    )


async def examined(kind: str, url: str, model: str, **options: Any) -> Report:
    """Return the doctor's report on a verifier."""
    transport = HttpPool()
    settings = KINDS[kind].settings.model_validate(
        {"name": kind, "kind": kind, "endpoint": url, "model": model, "timeout_s": 240, **options}
    )
    try:
        return await examine(build(settings, transport), quick=True)
    finally:
        await transport.close()


def settings_of(kind: str, url: str, **options: Any) -> VerifierSettings:
    """Return the settings of a judge on SmolLM2."""
    return KINDS[kind].settings.model_validate(
        {
            "name": kind,
            "kind": kind,
            "endpoint": url,
            "model": "smollm2",
            "timeout_s": 240,
            **options,
        }
    )


@contextmanager
def gateway(upstream: Server) -> Iterator[str]:
    """Run a gateway that passes on only the fields it knows: `use_activation` is not among them."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(call(upstream.url + self.path))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body.pop("use_activation", None)
            self._answer(call(upstream.url + self.path, body))

        def _answer(self, answer: Any) -> None:
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.raw)))
            self.end_headers()
            self.wfile.write(answer.raw)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("judge", "judge"),
        ("reward_model", "reward"),
        ("process_reward", "prm"),
        ("reward_model", "bos"),
    ],
)
async def test_what_is_served_right_does_not_fail(
    served: dict[str, Server], kind: str, model: str
) -> None:
    """Random weights are near chance, which is no failure."""
    report = await examined(kind, served[model].url, model)

    assert failed_checks(report) == {}
    assert report.auc is not None


async def test_a_sigmoid_that_is_left_on(served: dict[str, Server]) -> None:
    """By a gateway that drops the switch."""
    with gateway(served["reward"]) as url:
        report = await examined("reward_model", url, "reward")

    assert "sigmoid" in failed_checks(report)["activation off"]


async def test_a_wrong_step_token(served: dict[str, Server]) -> None:
    """The advice is the flag that would be right."""
    report = await examined("process_reward", served["prm:wrong"].url, "prm:wrong")

    assert STEP in failed_checks(report)["step count"]


async def test_a_doubled_bos(served: dict[str, Server]) -> None:
    """Written by the template, and again."""
    report = await examined("reward_model", served["bos:doubled"].url, "bos:doubled")

    assert "one BOS" in failed_checks(report)


async def test_a_label_that_is_two_tokens(served: dict[str, Server]) -> None:
    """Only its first would be read."""
    report = await examined("judge", served["judge"].url, "judge", yes=["Correctly"])

    assert "labels" in failed_checks(report)


async def test_too_small_a_context(served: dict[str, Server]) -> None:
    """Short probes do not fit."""
    report = await examined("judge", served["judge:small"].url, "judge:small")

    assert "--max-model-len" in failed_checks(report)["context"]


async def test_a_dead_endpoint() -> None:
    """No server listens."""
    report = await examined("judge", f"http://127.0.0.1:{free_port()}", "judge")

    assert "start the server" in failed_checks(report)["reachable"]


@pytest.mark.parametrize(("kind", "model"), [
    ("judge", "reward"), ("judge_cot", "prm"), ("reward_model", "judge"), ("reward_model", "prm"), ("process_reward", "reward"),
    ("process_reward", "judge"), ("cross_encoder", "judge"), ("nli", "reward"), ("likelihood", "reward"), ("reward_tokens", "prm"),
    ("embedding_consensus", "judge"), ("generative_scoring", "reward"), ("label_token_prm", "prm"),
])  # fmt: skip
async def test_a_model_of_the_wrong_kind(served: dict[str, Server], kind: str, model: str) -> None:
    """The doctor finds it before it scores anything, and names a remedy."""
    report = await examined(kind, served[model].url, model)

    assert failed_checks(report)
    assert all(failed_checks(report).values())


async def test_no_attack_adds_a_control_token_to_a_real_models_prompt(
    served: dict[str, Server],
) -> None:
    """SmolLM2's own tokenizer: only its template's special tokens are in the prompt, for any
    candidate.
    """
    url = served["smollm2"].url
    transport = HttpPool()
    judge = build(settings_of("judge", url), transport)
    assert isinstance(judge, Judging)
    plain = await judge.tokenizer.ids_of_chat(
        judge.conversation(Pair(Query.of("q"), "plain")), generation=True
    )
    specials = set(
        range(17)
    )  # SmolLM2's: <|endoftext|>, <|im_start|>, <|im_end|>, <repo_name> … <empty_output>
    everything = "".join([await judge.tokenizer.text([token]) for token in sorted(specials)])
    candidates = [
        attack.on(probe).candidate for attack in attacks() for probe in probes()[::20]
    ] + [everything, everything * 3]

    assert specials & set(await judge.tokenizer.ids(everything)) == specials
    for candidate in candidates:
        pair = Pair(Query.of("q"), candidate)
        await judge.learn_special([pair])
        ids = await judge.tokenizer.ids_of_chat(judge.conversation(pair), generation=True)
        assert [each for each in ids if each in specials] == [
            each for each in plain if each in specials
        ], candidate
    await transport.close()


async def test_a_real_judge_thinks_writes_and_is_read(served: dict[str, Server]) -> None:
    """SmolLM2: a score, or a status with a reason."""
    transport = HttpPool()
    settings = settings_of("judge_cot", served["smollm2"].url, max_tokens=200)
    pairs = [pair for probe in probes()[30:33] for pair in probe.pairs()]

    verdicts = (await asyncio.wait_for(build(settings, transport).score(pairs), 240)).items
    await transport.close()

    assert len(verdicts) == len(pairs)
    for verdict in verdicts:
        assert verdict.score in (0.0, 1.0) or (verdict.score is None and verdict.reason)
