"""Replies that cost more to read than they are worth: counted before parsing, by their request."""

from __future__ import annotations

import asyncio
import threading
import tracemalloc
from typing import Any

import orjson
import pytest

from assay.service.api.errors import answer_to
from assay.service.config.generator_settings import UpstreamSettings
from assay.service.domain.errors import GeneratorError
from assay.service.scoring.generator import Generator as Generator
from assay.verifiers import (
    BadReplyError,
    LostError,
    Status,
    UnreachableError,
    VerifierError,
)
from assay.verifiers.contract.settings import ServedSettings
from assay.verifiers.http.failure import MAX_INFO_BYTES
from assay.verifiers.http.reply import LONG_REPLY_BYTES, Many, ReplyModel
from assay.verifiers.http.upstream import Upstream
from assay.verifiers.http.vllm_load import queue_of
from tests.support.http.http_pools import always, serving
from tests.support.http.reply_floods import FLOODS
from tests.support.verifiers.fakes import FakeTransport
from tests.support.verifiers.served_models import PAIRS, served_verifier


class Numbers(ReplyModel):
    """A reply of many."""

    numbers: Many[int]


def upstream(reply: bytes, status: int = 200) -> Upstream:
    """Return an upstream that answers one thing to all."""
    answers = dict.fromkeys(("/v", "/metrics"), (status, reply))
    return Upstream(
        ServedSettings(name="v", kind="x", model="m", endpoint="http://x", retries=0),
        FakeTransport(answers),
    )


async def test_a_call_may_be_answered_with_as_much_as_it_asks_for() -> None:
    """A token a byte, each with its logprob and rank, is no flood."""
    numbers = {"numbers": list(range(200_000))}
    asked = {"text": "a" * 20_000}

    assert (await upstream(orjson.dumps(numbers)).ask("/v", asked, Numbers)).numbers == numbers[
        "numbers"
    ]
    with pytest.raises(BadReplyError, match="more than the 20"):
        await upstream(orjson.dumps(numbers)).ask("/v", {"text": "a"}, Numbers)
    assert (
        await upstream(orjson.dumps(numbers)).ask("/v", {"text": "a"}, Numbers, 200_000)
    ).numbers == numbers["numbers"]


async def test_what_a_server_says_of_itself_is_short() -> None:
    """Its models and its version are refused where they are not, and its metrics say nothing."""
    endless = b'{"numbers":[],"more":"' + b"a" * MAX_INFO_BYTES + b'"}'
    asked = upstream(endless)
    with pytest.raises(BadReplyError, match="bytes"):
        await asked.get("/v", Numbers, asked.endpoints[0])
    with pytest.raises(BadReplyError, match="more than the"):
        await upstream(FLOODS["zeros"][:2_000_000]).get(
            "/v", Numbers, asked.endpoints[0].__class__("http://x")
        )

    assert queue_of(b"vllm:num_requests_waiting 3") is not None
    metrics = upstream(b"vllm:num_requests_waiting 3\n" + b"\n" * MAX_INFO_BYTES)
    assert await metrics.queue(metrics.endpoints[0]) is None


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_completion_of_very_many_values_is_refused_before_it_is_parsed(flood: str) -> None:
    """And so is the error of a server that completes."""
    settings = UpstreamSettings(name="g", endpoint="http://x", model="m")
    for status, wanted in ((200, 502), (400, 400)):
        drawing = Generator(
            settings, FakeTransport({"/v1/chat/completions": (status, FLOODS[flood])})
        )
        tracemalloc.start()
        with pytest.raises(GeneratorError) as refused:
            await drawing.draw({"messages": []}, 2, 0)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert answer_to(refused.value).status == wanted
        assert len(str(refused.value)) < 1200
        assert peak < 64 << 20


async def test_a_call_ends_in_its_time_also_while_its_reply_is_read() -> None:
    """The thread that reads does not delay the caller."""

    class Slow(Numbers):
        def model_post_init(self, context: Any) -> None:
            threading.Event().wait(0.5)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await upstream(b'{"numbers":[1]' + b" " * LONG_REPLY_BYTES + b"}").ask("/v", {}, Slow)


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

    verdicts = await served_verifier("rerank", FakeTransport({"/score": flaky}), retries=2).score(
        PAIRS
    )
    refused = await served_verifier("rerank", refusing, retries=2).score(PAIRS[:1])

    assert [verdict.score for verdict in verdicts.items] == [0.5, 0.5]
    assert len(attempts) == 3
    assert refused.items[0].status is Status.ERROR
    assert len(refusing.sent) == 1


async def test_the_least_busy_server_is_asked_and_a_failed_one_is_avoided() -> None:
    """Of two servers one is broken: after its first failure the other gets the calls."""
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
    verifier = served_verifier(
        "rerank", transport, endpoint=None, endpoints=["http://bad:1", "http://good:1"], retries=1
    )

    for _ in range(10):
        verdicts = await verifier.score(PAIRS[:1])
        assert verdicts.items[0].score == 0.5

    assert sum("bad" in url for url in urls) <= 1


@pytest.mark.parametrize("status", [401, 400, 503, 200])
async def test_a_key_that_a_server_repeats_is_not_passed_on(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clients read errors, and must not learn a server's key."""
    monkeypatch.setenv("SCORER_KEY", "sk-very-secret\n")
    body = b'{"error": {"message": "bad key sk-very-secret"}}'
    reply = b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)
    async with serving(always(*[reply] * 3)) as (url, pool):
        settings = ServedSettings(
            kind="reward_model",
            name="v",
            model="m",
            endpoint=url,
            api_key_env="SCORER_KEY",
            retries=0,
        )
        with pytest.raises(VerifierError) as caught:
            await Upstream(settings, pool).ask("/score", {}, Scored)

    assert "sk-very" not in str(caught.value)
    assert "(our key)" in str(caught.value)


class Scored(ReplyModel):
    """A reply that states a score."""

    score: float


class Failing:
    """A transport that raises errors in turn, then answers."""

    def __init__(self, *errors: VerifierError) -> None:
        self.errors, self.asked = list(errors), 0

    async def post(self, url: str, body: bytes, api_key: str | None = None) -> tuple[int, bytes]:
        """Raise the next error."""
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return 200, b"{}"

    async def get(self, url: str, api_key: str | None = None) -> tuple[int, bytes]:
        """Answer nothing."""
        return 404, b""

    async def close(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize(
    ("errors", "asked", "works"),
    [
        ([LostError("a")], 2, True),
        ([LostError("a"), LostError("b")], 2, False),
        ([UnreachableError("a"), LostError("b"), LostError("c")], 3, False),
        ([LostError("a"), UnreachableError("b")], 3, True),
        ([UnreachableError("a")] * 3, 4, True),
    ],
)
async def test_a_call_that_broke_its_connection_is_sent_once_more_at_most(
    errors: list[VerifierError], asked: int, works: bool
) -> None:
    """Also with many tries for unreachable servers."""
    transport = Failing(*errors)
    upstream = Upstream(
        ServedSettings(name="v", kind="x", model="m", endpoint="http://x", retries=3), transport
    )

    if works:
        assert await upstream.post("/", b"{}") == b"{}"
    else:
        with pytest.raises(LostError):
            await upstream.post("/", b"{}")

    assert transport.asked == asked
