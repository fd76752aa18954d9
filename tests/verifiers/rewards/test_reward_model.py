"""One raw reward a conversation."""

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


async def test_rendering_here_gives_the_score_of_the_servers_own_template() -> None:
    """The batched form and the one-conversation form agree, and no special token is added twice."""
    transport = standin("reward")
    together = await served("reward", transport).score(PAIRS)
    singly = [
        (
            await transport.post(
                "http://x/classify",
                _bytes(
                    {
                        "use_activation": False,
                        "messages": [
                            {"role": "user", "content": Q.text},
                            {"role": "assistant", "content": pair.candidate},
                        ],
                    }
                ),
            )
        )[1]
        for pair in PAIRS
    ]

    assert transport.paths().count("/classify") == 1 + len(PAIRS)
    batch = next(asked for path, asked in transport.sent if path == "/classify")
    assert (batch["add_special_tokens"], batch["use_activation"]) == (False, False)
    assert [
        f'"probs": [{verdict.score}]'.encode() in raw.replace(b'":[', b'": [')
        for verdict, raw in zip(together.items, singly, strict=True)
    ]
