"""Replies that cost more to read than they can be worth: counted before they are parsed, by what
was asked.
"""

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
from assay.verifiers import BadReplyError, Pair
from assay.verifiers.contract.settings import ServedSettings
from assay.verifiers.http.upstream import LONG, MOST_SAID, Many, ReplyModel, Upstream, failure
from assay.verifiers.http.vllm_load import queue_of
from tests.support.fakes import FakeTransport
from tests.verifiers.kinds import EXAMPLES, QUERY, SERVED, made, standin

PAIRS = [Pair(QUERY, "First 7.\n\nThen 8."), Pair(QUERY, "It is 9.\n\nOr 10.")]
MANY = 1_200_000
#: More than a million values, as what is read of each endpoint, as what is passed over, and as
#: fields.
FLOODS = {
    "zeros": b'{"scores":[' + b"0," * MANY + b"0]}",
    "lists": b'{"data":[' + b"[]," * MANY + b"[]]}",
    "objects": b'{"choices":[' + b"{}," * MANY + b'{}],"tokens":[]}',
    "passed over": b'{"tokens":[],"data":[],"choices":[],"scores":[],"more":['
    + b"0," * MANY
    + b"0]}",
}


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


@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("kind", SERVED)
async def test_a_reply_of_more_values_than_can_be_needed_is_refused_before_it_is_parsed(
    kind: str, flood: str
) -> None:
    """Of any kind, whatever is asked: memory does not grow with it."""
    whole = standin(EXAMPLES[kind].server or "")
    verifier = made(
        kind, FakeTransport(dict.fromkeys([*whole.replies, "/score"], (200, FLOODS[flood])))
    )
    tracemalloc.start()
    with pytest.raises(BadReplyError, match="more than the"):
        await verifier.score(PAIRS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 64 << 20


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


async def test_a_long_reply_is_read_in_a_thread() -> None:
    """The event loop goes on meanwhile."""
    read_by: list[str] = []

    class Telling(Numbers):
        def model_post_init(self, context: Any) -> None:
            read_by.append(threading.current_thread().name)

    here = threading.current_thread().name
    short, long = b'{"numbers":[1]}', b'{"numbers":[1]' + b" " * LONG + b"}"
    await upstream(short).ask("/v", {}, Telling)
    await upstream(long).ask("/v", {}, Telling)

    assert read_by[0] == here != read_by[1]


async def test_of_very_many_wrong_items_the_first_is_told() -> None:
    """A complaint of each would take seconds."""
    with pytest.raises(BadReplyError, match=r"numbers\.0: ") as refused:
        await upstream(b'{"numbers":[' + b'"x",' * 500_000 + b"0]}").ask("/v", {}, Numbers, 600_000)

    cause = refused.value.__cause__
    assert getattr(cause, "error_count", lambda: 0)() == 1


async def test_what_a_server_says_of_itself_is_short() -> None:
    """Its models and its version are refused where they are not, and its metrics say nothing."""
    endless = b'{"numbers":[],"more":"' + b"a" * MOST_SAID + b'"}'
    asked = upstream(endless)
    with pytest.raises(BadReplyError, match="bytes"):
        await asked.get("/v", Numbers, asked.endpoints[0])
    with pytest.raises(BadReplyError, match="more than the"):
        await upstream(FLOODS["zeros"][:2_000_000]).get(
            "/v", Numbers, asked.endpoints[0].__class__("http://x")
        )

    assert queue_of(b"vllm:num_requests_waiting 3") is not None
    metrics = upstream(b"vllm:num_requests_waiting 3\n" + b"\n" * MOST_SAID)
    assert await metrics.queue(metrics.endpoints[0]) is None


@pytest.mark.parametrize("flood", FLOODS)
def test_an_error_of_very_many_values_is_shown_and_not_read(flood: str) -> None:
    """Its status says enough."""
    said = str(failure("http://x/v", 400, FLOODS[flood]))

    assert said.startswith("http://x/v answered 400: '{")
    assert len(said) < 400


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
    """Who waits is not held up by the thread that reads."""

    class Slow(Numbers):
        def model_post_init(self, context: Any) -> None:
            threading.Event().wait(0.5)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await upstream(b'{"numbers":[1]' + b" " * LONG + b"}").ask("/v", {}, Slow)
