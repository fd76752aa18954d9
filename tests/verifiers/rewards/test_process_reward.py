"""One probability a step, reduced to one score."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from assay.verifiers import Pair, Query, ServedVerifier, Status
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


@pytest.mark.parametrize(
    ("reduction", "expected"), [("min", 0.2), ("mean", 0.35), ("last", 0.5), ("product", 0.1)]
)
async def test_steps_become_one_score(reduction: str, expected: float) -> None:
    """Each reduction, of the column that means good."""
    transport = standin("prm")
    transport.replies["/pooling"] = (
        200,
        {"data": [{"index": 0, "data": [[0.8, 0.2], [0.5, 0.5]]}]},
    )

    verdicts = await served("prm", transport, reduction=reduction).score(PAIRS[:1])

    assert verdicts.items[0].score == pytest.approx(expected)


async def test_steps_are_split_joined_and_counted() -> None:
    """Blank steps go, a step token in the candidate is no step, and another count of rows is no
    score.
    """
    transport = standin("prm")
    hostile = Pair(Q, "one <extra_0>\n\n\n\ntwo")
    verifier = served("prm", transport)

    good = await verifier.score([hostile])
    transport.replies["/pooling"] = (200, {"data": [{"index": 0, "data": [[0.8, 0.2]]}]})
    bad = await verifier.score([hostile])

    sent = next(asked["input"][0] for path, asked in transport.sent if path == "/pooling")
    assert sent.count("<extra_0>") == 2
    assert good.items[0].score is not None
    assert (bad.items[0].score, bad.items[0].status) == (None, Status.ERROR)
    assert "1 step scores for 2 steps" in (bad.items[0].reason or "")


async def test_a_candidate_without_steps_is_not_asked_about() -> None:
    """It is said not to apply, and the others are scored in their places."""
    verdicts = await served("prm", standin("prm")).score(
        [Pair(Q, ""), Pair(Q, "a step"), Pair(Q, " \n\n ")]
    )

    assert [verdict.status for verdict in verdicts.items] == [
        Status.NOT_APPLICABLE,
        Status.OK,
        Status.NOT_APPLICABLE,
    ]
