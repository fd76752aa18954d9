"""One example of every kind: the list that the shared checks go through."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from assay.verifiers import KINDS, Pair, Query, Verifier, build
from tests.support.standin import StandIn
from tests.support.verifiers.fakes import FakeTransport


@dataclass(frozen=True)
class Example:
    """A kind's own settings, and its stand-in; None for a kind without a server."""

    server: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


QUERY = Query.of(
    "What is 3 + 4? Give JSON or code if asked.", "7", ("assert answer == 7", "assert answer > 0")
)

#: Two candidates, each of two steps.
PAIRS = [Pair(QUERY, "First 7.\n\nThen 8."), Pair(QUERY, "It is 9.\n\nOr 10.")]

EXAMPLES: dict[str, Example] = {
    "arithmetic": Example(),
    "completeness": Example(),
    "consensus": Example(),
    "cross_encoder": Example("rerank"),
    "embedding_consensus": Example("embed"),
    "generative_scoring": Example("judge"),
    "http": Example("http", {"lowest": 0, "highest": 1}),
    "implicit_prm": Example(
        "judge", {"reference_model": "reference", "reference_endpoint": "http://y"}
    ),
    "json_schema": Example(None, {"schema": {"type": "object", "required": ["answer"]}}),
    "judge": Example("judge"),
    "judge_cot": Example("judge", {"max_tokens": 200}),
    "judge_debate": Example("judge"),
    "judge_pairwise": Example("judge"),
    "judge_reference": Example("judge"),
    "judge_rubric": Example(
        "judge",
        {
            "criteria": [
                {"name": "right", "text": "It is right."},
                {"name": "short", "text": "It is short."},
            ]
        },
    ),
    "judge_scale": Example("judge"),
    "label_token_prm": Example("judge"),
    "length": Example(),
    "likelihood": Example("judge"),
    "math_answer": Example(),
    "nli": Example("nli"),
    "process_reward": Example("prm"),
    "python_tests": Example(None, {"run_code": True}),
    "refusal": Example(),
    "regex": Example(None, {"must": [r"\d"], "must_not": ["sorry"]}),
    "relevance": Example(),
    "repetition": Example(),
    "reward_model": Example("reward"),
    "reward_tokens": Example("tokens"),
}
"""A kind that is not here fails `test_every_kind.py`."""

SERVED = sorted(kind for kind, example in EXAMPLES.items() if example.server)


def made(kind: str, transport: FakeTransport | None = None, **options: Any) -> Verifier:
    """Return a verifier of a kind, on a stand-in unless the test brings a server."""
    example = EXAMPLES[kind]
    given: dict[str, Any] = {"name": kind, "kind": kind, **example.options, **options}
    if example.server:
        given = {"model": example.server, "endpoint": "http://x", **given}
        if "retries" in KINDS[kind].settings.model_fields:
            given = {"retries": 0, **given}
    return build(KINDS[kind].settings(**given), transport or standin(example.server or "judge"))


def standin(server: str, **replies: Any) -> FakeTransport:
    """Return a transport straight into a stand-in's handlers."""
    if server == "http":
        return FakeTransport({"/score": _scores, **replies})
    app = StandIn(server)
    own: dict[str, Any] = {
        path: (lambda asked, path=path: app._call(path, orjson.dumps(asked))) for path in app.routes
    }
    own |= {"/v1/models": (200, app._get("/v1/models")), "/version": (200, app._get("/version"))}
    return FakeTransport({**own, **replies})


def spoilt(server: str, fault: str) -> FakeTransport:
    """Return a stand-in whose scores have a fault."""
    if server == "http":
        wrong = {"nan": b'{"scores": [NaN, NaN]}', "few_rows": b'{"scores": []}'}[fault]
        return FakeTransport({"/score": (200, wrong)})
    app = StandIn(server, fault=fault)

    def answer(path: str, asked: Any) -> tuple[int, bytes]:
        status, reply = app._call(path, orjson.dumps(asked))
        if path not in ("/tokenize", "/detokenize"):
            reply = app._spoilt(reply)
        return status, _dumps(reply)

    own: dict[str, Any] = {
        path: (lambda asked, path=path: answer(path, asked)) for path in app.routes
    }
    return FakeTransport(own)


def _dumps(reply: Any) -> bytes:
    import json

    return json.dumps(reply).encode()


def _scores(asked: dict[str, Any]) -> tuple[int, Any]:
    """Score by the request alone."""
    from hashlib import blake2b

    scores = [
        blake2b(text.encode(), digest_size=1).digest()[0] / 255 for text in asked["candidates"]
    ]
    return 200, {"scores": scores, "reasons": [None] * len(scores)}
