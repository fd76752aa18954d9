"""Reward models, process reward models and cross-encoders: what is asked, and what a reply may
do wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from assay.verifiers import (
    BadReplyError,
    Pair,
    Query,
    RefusedError,
    Status,
    UnreachableError,
    UpstreamFailedError,
    VerifierError,
)
from assay.verifiers.encoders.cross_encoder import CrossEncoder, CrossEncoderSettings
from assay.verifiers.rewards.process_reward import ProcessReward, ProcessRewardSettings
from assay.verifiers.rewards.reward_model import RewardModel, RewardModelSettings
from assay.verifiers.vllm.chat_template import split
from assay.verifiers.vllm.served import ServedVerifier
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


def made(kind: str, transport: FakeTransport, **options: Any) -> ServedVerifier:
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
    together = await made("reward", transport).score(PAIRS)
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


async def test_a_template_that_cannot_be_used_from_here_falls_back_to_messages() -> None:
    """A server whose `/detokenize` loses text is asked one conversation a call."""
    transport = standin("reward")
    transport.replies["/detokenize"] = (200, {"prompt": "nothing like it"})

    verdicts = await made("reward", transport).score(PAIRS)

    assert all(verdict.score is not None for verdict in verdicts.items)
    assert [("messages" in asked) for path, asked in transport.sent if path == "/classify"] == [
        True,
        True,
    ]


def test_a_template_that_strips_messages_is_seen() -> None:
    """Two spaces around each mark are there or not."""
    kept = split("<s>[U]  MARK0  [A]  MARK1  </s>", ["MARK0", "MARK1"])
    stripped = split("<s>[U] MARK0 [A] MARK1 </s>", ["MARK0", "MARK1"])

    assert kept is not None
    assert (kept.between, kept.stripped) == (("<s>[U]", "[A]", "</s>"), False)
    assert stripped is not None
    assert (stripped.between, stripped.stripped) == (("<s>[U] ", " [A] ", " </s>"), True)
    assert split("MARK0 MARK0 MARK1", ["MARK0", "MARK1"]) is None


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

    verdicts = await made("prm", transport, reduction=reduction).score(PAIRS[:1])

    assert verdicts.items[0].score == pytest.approx(expected)


async def test_steps_are_split_joined_and_counted() -> None:
    """Blank steps go, a step token in the candidate is no step, and another count of rows is no
    score.
    """
    transport = standin("prm")
    hostile = Pair(Q, "one <extra_0>\n\n\n\ntwo")
    verifier = made("prm", transport)

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
    verdicts = await made("prm", standin("prm")).score(
        [Pair(Q, ""), Pair(Q, "a step"), Pair(Q, " \n\n ")]
    )

    assert [verdict.status for verdict in verdicts.items] == [
        Status.NOT_APPLICABLE,
        Status.OK,
        Status.NOT_APPLICABLE,
    ]


async def test_queries_are_sent_once_where_they_are_the_same() -> None:
    """1:N for one query, N:N for several."""
    transport = standin("rerank")
    verifier = made("rerank", transport)

    await verifier.score(PAIRS)
    await verifier.score([PAIRS[0], Pair(Query.of("another"), "x")])

    assert [type(asked["text_1"]) for _, asked in transport.sent] == [str, list]


async def test_one_bad_input_is_isolated() -> None:
    """The server refuses the whole list; the verdicts say which one it was."""
    pairs = [Pair(Q, f"candidate {place}" if place != 5 else "long " * 9000) for place in range(12)]

    verdicts = await made("rerank", standin("rerank")).score(pairs)

    assert [verdict.status for verdict in verdicts.items] == [
        Status.TRUNCATED if place == 5 else Status.OK for place in range(12)
    ]
    assert "maximum context length" in (verdicts.items[5].reason or "")


async def test_a_shortened_candidate_is_scored_and_says_so() -> None:
    """`max_chars` cuts the end; the verdict tells how much."""
    verdicts = await made("rerank", standin("rerank"), max_chars=100).score(
        [Pair(Q, "x" * 500), Pair(Q, "short")]
    )

    assert [verdict.truncated_tokens for verdict in verdicts.items] == [100, None]


@pytest.mark.parametrize(("reply", "error", "words"), [
    ((200, b"<html>hello</html>"), BadReplyError, "<html>"),
    ((200, {"data": [{"index": 0, "score": 0.5}]}), BadReplyError, "1 rows for 2"),
    ((200, {"data": [{"index": 0, "score": 0.5}, {"index": 0, "score": 0.5}]}), BadReplyError, "indices"),
    ((200, {"data": [{"index": 0, "score": "high"}]}), BadReplyError, "score"),
    ((500, {"error": {"message": "EngineCore died", "type": "InternalServerError"}}), UpstreamFailedError, "EngineCore died"),
    ((503, b"<html>bad gateway</html>"), UpstreamFailedError, "503"),
    ((401, {"error": "Unauthorized"}), RefusedError, "Unauthorized"),
    ((404, {"detail": "Not Found"}), RefusedError, "Not Found"),
    (UnreachableError("connection refused"), UnreachableError, "refused"),
])  # fmt: skip
async def test_what_a_server_does_wrong_gets_our_names(
    reply: Any, error: type[VerifierError], words: str
) -> None:
    """All three shapes of error body, pages, wrong rows."""
    with pytest.raises(error, match=words):
        await made("rerank", FakeTransport({"/score": reply})).score(PAIRS)


async def test_a_number_that_is_none_is_no_score_and_an_exact_zero_is_a_failed_item() -> None:
    """NaN and 0.0 spoil one row, not the reply."""
    rows = b'{"data": [{"index": 0, "score": NaN}, {"index": 1, "score": 0.0}, {"index": 2, "score": 0.25}]}'

    verdicts = await made("rerank", FakeTransport({"/score": (200, rows)})).score(
        [*PAIRS, Pair(Q, "x")]
    )

    assert [verdict.score for verdict in verdicts.items] == [None, None, 0.25]
    assert [verdict.status for verdict in verdicts.items] == [Status.ERROR, Status.ERROR, Status.OK]


async def test_transport_errors_and_5xx_are_tried_again_and_4xx_are_not() -> None:
    """With two retries, three tries in all."""
    attempts: list[int] = []

    def flaky(_: Any) -> Any:
        attempts.append(1)
        return (
            (503, b"busy")
            if len(attempts) < 3
            else (200, {"data": [{"index": 0, "score": 0.5}, {"index": 1, "score": 0.5}]})
        )

    refusing = FakeTransport({"/score": (422, {"detail": "no"})})

    verdicts = await made("rerank", FakeTransport({"/score": flaky}), retries=2).score(PAIRS)
    refused = await made("rerank", refusing, retries=2).score(PAIRS[:1])

    assert [verdict.score for verdict in verdicts.items] == [0.5, 0.5]
    assert len(attempts) == 3
    assert refused.items[0].status is Status.ERROR
    assert len(refusing.sent) == 1


async def test_check_names_what_the_server_serves() -> None:
    """A wrong model name is the commonest mistake."""
    verifier = made("rerank", FakeTransport({"/v1/models": (200, {"data": [{"id": "other"}]})}))

    with pytest.raises(RefusedError, match="serves: other"):
        await verifier.check()


async def test_the_least_busy_server_is_asked_and_a_failed_one_is_avoided() -> None:
    """Two servers, one of them broken: after its first failure the other is asked."""
    urls: list[str] = []

    class TwoServers(FakeTransport):
        async def post(
            self, url: str, body: bytes, api_key: str | None = None
        ) -> tuple[int, bytes]:
            urls.append(url)
            if "bad" in url:
                raise UnreachableError("refused")
            return await super().post(url, body, api_key)

    transport = TwoServers({"/score": (200, {"data": [{"index": 0, "score": 0.5}]})})
    verifier = made(
        "rerank", transport, endpoint=None, endpoints=["http://bad:1", "http://good:1"], retries=1
    )

    for _ in range(10):
        verdicts = await verifier.score(PAIRS[:1])
        assert verdicts.items[0].score == 0.5

    assert sum("bad" in url for url in urls) <= 1
