"""A cross-encoder behind `/score`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assay.verifiers import Pair, Query, ServedVerifier
from assay.verifiers.encoders.cross_encoder import CrossEncoder, CrossEncoderSettings
from assay.verifiers.rewards.process_reward import ProcessReward, ProcessRewardSettings
from assay.verifiers.rewards.reward_model import RewardModel, RewardModelSettings
from tests.support.fakes import FakeTransport
from tests.support.standin import StandIn

Q = Query.of("What is 2 + 2?")


PAIRS = [Pair(Q, "4\n\nThe answer is 4."), Pair(Q, "5")]


def standin(kind: str) -> FakeTransport:
    """Return a transport straight into a stand-in's handlers."""
    server = StandIn(kind)
    return FakeTransport(
        {
            path: (lambda asked, path=path: server._call(path, _bytes(asked)))
            for path in server.routes
        }
    )


def _bytes(asked: Any) -> bytes:
    import orjson

    return orjson.dumps(asked)


def served(kind: str, transport: FakeTransport, **options: Any) -> ServedVerifier:
    """Return a verifier of a kind."""
    common = {"name": "v", "model": kind, "endpoint": "http://x", "retries": 0, **options}
    kinds: dict[str, Callable[[], ServedVerifier]] = {
        "reward": lambda: RewardModel(RewardModelSettings(**common), transport),
        "prm": lambda: ProcessReward(ProcessRewardSettings(**common), transport),
        "rerank": lambda: CrossEncoder(CrossEncoderSettings(**common), transport),
    }
    return kinds[kind]()


async def test_queries_are_sent_once_where_they_are_the_same() -> None:
    """1:N for one query, N:N for several."""
    transport = standin("rerank")
    verifier = served("rerank", transport)

    await verifier.score(PAIRS)
    await verifier.score([PAIRS[0], Pair(Query.of("another"), "x")])

    assert [type(asked["text_1"]) for _, asked in transport.sent] == [str, list]
