"""Verifiers that a model server stands behind, and a transport straight into a stand-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from assay.verifiers import Pair, Query, ServedVerifier
from assay.verifiers.encoders.cross_encoder import CrossEncoder, CrossEncoderSettings
from assay.verifiers.rewards.process_reward import ProcessReward, ProcessRewardSettings
from assay.verifiers.rewards.reward_model import RewardModel, RewardModelSettings
from tests.support.standin import StandIn
from tests.support.verifiers.fakes import FakeTransport

QUERY = Query.of("What is 2 + 2?")

PAIRS = [Pair(QUERY, "4\n\nThe answer is 4."), Pair(QUERY, "5")]


def standin_transport(kind: str) -> FakeTransport:
    """Return a transport straight into a stand-in's handlers."""
    server = StandIn(kind)
    return FakeTransport(
        {
            path: (lambda asked, path=path: server._call(path, orjson.dumps(asked)))
            for path in server.routes
        }
    )


def served_verifier(kind: str, transport: FakeTransport, **options: Any) -> ServedVerifier:
    """Return a verifier of a kind."""
    common = {"name": "v", "model": kind, "endpoint": "http://x", "retries": 0, **options}
    kinds: dict[str, Callable[[], ServedVerifier]] = {
        "reward": lambda: RewardModel(RewardModelSettings(**common), transport),
        "prm": lambda: ProcessReward(ProcessRewardSettings(**common), transport),
        "rerank": lambda: CrossEncoder(CrossEncoderSettings(**common), transport),
    }
    return kinds[kind]()
