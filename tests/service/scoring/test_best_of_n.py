"""The best-of-n gateway: what is drawn, what comes back, and when it stops."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import orjson
import pytest
from structlog.testing import capture_logs

from assay.service.api.compat import openai_chat as chat
from assay.service.api.compat.common import TurnIn
from assay.service.api.errors import answer_to
from assay.service.config.generator_settings import UpstreamSettings
from assay.service.domain.errors import GeneratorError, GeneratorOverloadedError, NoVerifierError
from assay.service.scoring.best_of_n import (
    DrawOptions,
    DrawResult,
    by_majority,
    harvest,
    status_of,
    text_of,
)
from assay.service.scoring.generator import Drawn, Generator
from assay.verifiers import Query
from tests.support.fakes import FakeTransport
from tests.support.processes import Server, call, service, standin, write_config
from tests.support.waiting import wait_until

ASK = {"messages": [{"role": "user", "content": "Is it right?"}], "max_tokens": 60}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Server]:
    """A server that answers Yes or No, another one each time."""
    with standin("judge") as server:
        yield server


@pytest.fixture(scope="module")
def running(upstream: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A gateway whose verifier likes Yes; the same server under a name that draws one by one,
    and one that is away.
    """
    folder = tmp_path_factory.mktemp("gateway")
    named = [
        {"name": "together", "endpoint": upstream.url, "model": "judge", "candidates": 6},
        {
            "name": "apart",
            "endpoint": upstream.url,
            "model": "judge",
            "draws": "apart",
            "task": "other",
        },
        {"name": "away", "endpoint": "http://127.0.0.1:9", "model": "judge"},
        {"name": "wrong", "endpoint": upstream.url, "model": "nobody"},
    ]
    verifiers = [
        {"name": "yes", "kind": "regex", "must": ["Verdict: Yes"]},
        {"name": "vote", "kind": "consensus"},
    ]
    content = {"verifiers": verifiers, "tasks": {"other": {}, "rounds": {}}, "upstreams": named}
    with service(write_config(folder / "e.yaml", content), folder) as server:
        yield server


def ask(running: Server, **more: Any) -> Any:
    """Return a completion."""
    answer = running.post("/v1/chat/completions", {**ASK, **more})
    assert answer.status == 200, answer.raw
    return answer.json


def drawn(server: Server) -> int:
    """Return how many calls a stand-in answered."""
    return int(call(server.url + "/standin").json["asked"].get("/v1/chat/completions", 0))


def test_the_best_comes_back_as_the_one_choice(running: Server, upstream: Server) -> None:
    """In one call of n, with what was thought of each, and the tokens of all."""
    before = drawn(upstream)

    answer = ask(running)

    assert drawn(upstream) - before == 1
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "together"
    [choice] = answer["choices"]
    assert (choice["index"], choice["finish_reason"]) == (0, "stop")
    assert "Verdict: Yes" in choice["message"]["content"]
    told = answer["assay"]
    assert (told["ranked"], told["drawn"], told["rounds"], told["stopped"]) == (
        True,
        6,
        1,
        "candidates",
    )
    assert [each["rank"] for each in told["candidates"]] == [1, 2, 3, 4, 5, 6]
    assert sorted(each["drawn"] for each in told["candidates"]) == list(range(6))
    chances = [each["probability"] for each in told["candidates"]]
    assert chances == sorted(chances, reverse=True)
    assert (
        answer["usage"]["total_tokens"]
        == answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"]
    )
    assert told["generation"]["completion_tokens"] == 6
    best = told["candidates"][0]["verifiers"]
    assert (best["yes"]["raw"], best["yes"]["status"], best["vote"]["status"]) == (1.0, "ok", "ok")
    assert best["yes"]["contribution"] > told["candidates"][-1]["verifiers"]["yes"]["contribution"]
    assert "verifiers" not in ask(running, assay={"explain": False})["assay"]["candidates"][0]


def test_a_confidence_that_cannot_be_judged_is_said_to_have_no_effect(running: Server) -> None:
    """As in a ranking: the task has no labels."""
    assert "not calibrated" in ask(running, assay={"confidence": 0.9})["assay"]["warnings"][0]
    assert ask(running)["assay"]["warnings"] == []


def test_n_is_how_many_come_back(running: Server) -> None:
    """Best first; no fewer are drawn than are wanted, nor more than are allowed."""
    three = ask(running, n=3)
    ten = ask(running, n=10)
    few = running.post("/v1/chat/completions", {**ASK, "n": 4, "assay": {"candidates": 2}})
    many = running.post("/v1/chat/completions", {**ASK, "assay": {"candidates": 65}})

    assert [choice["index"] for choice in three["choices"]] == [0, 1, 2]
    assert (len(ten["choices"]), ten["assay"]["drawn"]) == (10, 10)
    assert (few.status, few.json["error"]["param"]) == (400, "assay.candidates")
    assert (many.status, many.json["error"]["code"]) == (400, "too_many")


def test_a_server_without_n_is_asked_once_a_candidate(running: Server, upstream: Server) -> None:
    """And its task is the one that the upstream names."""
    before = drawn(upstream)

    answer = ask(running, model="apart", assay={"candidates": 4}, seed=7)

    assert drawn(upstream) - before == 4
    assert answer["assay"]["model_version"].startswith("other@")
    assert ask(running, model="assay/other")["model"] == "assay/other"


@pytest.mark.parametrize("model", ["apart", "together"])
def test_a_long_body_for_many_candidates_is_refused_before_any_is_drawn(
    running: Server, upstream: Server, model: str
) -> None:
    """It would be sent, or read by verifiers, once for each: gigabytes for one request."""
    before = drawn(upstream)
    long = [{"role": "user", "content": "a" * (5 << 20)}]

    for wish in ({"candidates": 64}, {"candidates": 2, "at_most": 64}):
        answer = running.post(
            "/v1/chat/completions", {"model": model, "messages": long, "assay": wish}
        )
        error = answer.json["error"]
        assert (answer.status, error["code"], error["param"]) == (413, "too_much_text", "messages")
        assert "64 candidates" in error["message"]
    assert drawn(upstream) == before


def test_a_stream_replays_the_winner(running: Server) -> None:
    """Chunk by chunk, the usage last where it is asked for."""
    plain = ask(running)["choices"][0]["message"]["content"]
    answer = running.post(
        "/v1/chat/completions", {**ASK, "stream": True, "stream_options": {"include_usage": True}}
    )

    lines = answer.raw.decode().split("\n\n")
    events = [
        json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")
    ]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert lines[-2] == "data: [DONE]"
    assert events[0]["choices"][0]["delta"]["role"] == "assistant"
    assert (
        "".join(
            event["choices"][0]["delta"].get("content", "") for event in events if event["choices"]
        )
        == plain
    )
    assert events[-2]["choices"][0]["finish_reason"] == "stop"
    assert events[-1]["usage"]["total_tokens"] > 0
    assert events[-1]["assay"]["drawn"] == 6


def test_what_grew_in_rounds_is_learned_from_once(running: Server) -> None:
    """The last ranking is; its keys take labels, and what was drawn is counted."""
    told = ask(running, assay={"task": "rounds", "candidates": 6, "confidence": 0.99})["assay"]
    labels = [{"key": told["candidates"][0]["key"], "correct": True}]
    labelled = running.post("/v1/tasks/rounds/labels", {"labels": labels})

    assert (told["rounds"], told["drawn"], told["saved"]) == (
        3,
        6,
        {"candidates": 0, "completion_tokens": 0},
    )
    assert labelled.json["new"] == 1
    wait_until(lambda: running.get("/v1/tasks/rounds").json["requests"] == 1)
    metrics = running.get("/metrics").raw.decode()
    assert 'assay_gateway_stopped_total{upstream="together",why="candidates"}' in metrics


def test_models_are_listed_and_others_refused(running: Server) -> None:
    """Upstreams by name, and tasks."""
    listed = [each["id"] for each in running.get("/v1/models").json["data"]]
    unknown = running.post("/v1/chat/completions", {**ASK, "model": "gpt-4"})

    assert listed == [
        "together",
        "apart",
        "away",
        "wrong",
        "assay",
        "assay/default",
        "assay/other",
        "assay/rounds",
    ]
    assert unknown.status == 404
    assert "there are: together, apart" in unknown.json["error"]["message"]


@pytest.mark.parametrize(("body", "status", "code"), [
    ({"model": "away"}, 502, "upstream_unreachable"), ({"model": "wrong"}, 404, "upstream_refused"),
    ({"top_logprobs": 25, "logprobs": True}, 400, "upstream_refused"), ({"messages": []}, 400, "too_short"),
    ({"assay": {"confidence": 2}}, 400, "less_than"), ({"assay": {"colour": 1}}, 400, "extra_forbidden"), ({"n": 0}, 400, "greater_than_equal"),
])  # fmt: skip
def test_an_error_keeps_its_meaning(
    running: Server, body: dict[str, Any], status: int, code: str
) -> None:
    """The upstream's own, ours, and what the client has wrong."""
    answer = running.post("/v1/chat/completions", {**ASK, **body})

    assert (answer.status, answer.json["error"]["code"]) == (status, code), answer.raw


def test_a_body_that_is_json_only_to_some_is_refused(running: Server) -> None:
    """NaN is no number."""
    answer = running.post(
        "/v1/chat/completions",
        b'{"messages": [{"role": "user", "content": "x"}], "temperature": NaN}',
    )

    assert (answer.status, answer.json["error"]["code"]) == (400, "json_invalid")


def test_an_upstream_that_is_busy_or_broken_is_told_from_a_wrong_request(
    running: Server, upstream: Server
) -> None:
    """503 stays 503 with Retry-After; 500 and nonsense are 502."""
    told = {}
    for fault in ("503", "500", "garbage"):
        call(upstream.url + "/standin", {"fault": fault})
        told[fault] = running.post("/v1/chat/completions", ASK)
    call(upstream.url + "/standin", {"fault": ""})

    assert {fault: answer.status for fault, answer in told.items()} == {
        "503": 503,
        "500": 502,
        "garbage": 502,
    }
    assert told["503"].headers["retry-after"] == "1"


def test_who_goes_away_is_drawn_for_no_longer(running: Server, upstream: Server) -> None:
    """The upstream's work is cancelled, too."""
    call(upstream.url + "/standin", {"fault": "hang"})
    before = call(upstream.url + "/standin").json["cancelled"]
    with pytest.raises(TimeoutError):
        running.post("/v1/chat/completions", ASK, timeout_s=0.5)
    wait_until(lambda: call(upstream.url + "/standin").json["cancelled"] > before, 5)
    cancelled = call(upstream.url + "/standin").json["cancelled"]
    call(upstream.url + "/standin", {"fault": ""})

    assert cancelled == before + 1


def test_without_an_upstream_there_is_no_gateway(tmp_path: Path) -> None:
    """Said as such; the rest of the service is as it was."""
    with service(
        write_config(tmp_path / "e.yaml", {"verifiers": [{"name": "vote", "kind": "consensus"}]}),
        tmp_path,
    ) as running:
        answer, models = running.post("/v1/chat/completions", ASK), running.get("/v1/models").json

    assert (answer.status, answer.json["error"]["code"]) == (404, "no_upstream")
    assert models["data"] == []


class Fake(Generator):
    """Draws numbered answers, and fails where it is told to."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.settings = UpstreamSettings(name="fake", endpoint="http://127.0.0.1:1", model="m")
        self.sizes: list[int] = []
        self._fail_at = fail_at

    async def draw(self, body: dict[str, Any], count: int, first: int) -> Drawn:
        """Return choices."""
        self.sizes.append(count)
        if self._fail_at is not None and len(self.sizes) > self._fail_at:
            raise GeneratorOverloadedError("busy", upstream_status=503)
        choices = [
            {"message": {"role": "assistant", "content": f"answer {first + place}"}}
            for place in range(count)
        ]
        return Drawn(choices, 5, 10 * count, {"id": "x"})


class Said:
    """An outcome as a gateway reads it."""

    matrix = SimpleNamespace(usage=SimpleNamespace(prompt_tokens=3, completion_tokens=1))

    def __init__(self, chances: Sequence[float], calibrated: bool = True) -> None:
        self.probability, self.calibrated = np.array(chances), calibrated
        self.p_any_correct = float(1 - np.prod(1 - self.probability)) if calibrated else None
        self.order = np.argsort(-self.probability, kind="stable").tolist()


async def reap(
    wish: DrawOptions, chance: Any, upstream: Fake | None = None, calibrated: bool = True
) -> tuple[DrawResult, Fake]:
    """Draw with made-up probabilities, a function of the candidate's number."""
    upstream = upstream or Fake()

    async def rank(query: Query, texts: Sequence[str]) -> Any:
        return Said([chance(int(text.split()[1])) for text in texts], calibrated)

    async def group(query: str, texts: list[str]) -> list[int | None]:
        return [int(text.split()[1]) % 3 for text in texts]

    return await harvest(upstream, {}, Query.of("q"), wish, rank, group), upstream


async def test_it_stops_as_soon_as_one_is_good_enough() -> None:
    """In rounds of a quarter; otherwise all are drawn, in one go where no confidence is asked
    for.
    """
    early, upstream = await reap(
        DrawOptions(16, confidence=0.9), lambda number: 0.95 if number == 5 else 0.2
    )
    never, asked = await reap(DrawOptions(16, confidence=0.9), lambda number: 0.2)
    plain, once = await reap(DrawOptions(16), lambda number: 0.95)

    assert (early.stopped, len(early.choices), early.order[0], upstream.sizes) == (
        "confidence",
        8,
        5,
        [4, 4],
    )
    assert (never.stopped, len(never.choices), asked.sizes) == ("candidates", 16, [4, 4, 4, 4])
    assert (len(plain.choices), once.sizes) == (16, [16])
    assert (early.completion_tokens, early.judge_prompt_tokens) == (80, 6)


async def test_more_are_drawn_where_nothing_looks_right() -> None:
    """Beyond the candidates, until something does or there are as many as allowed; not without
    probabilities.
    """
    found, upstream = await reap(
        DrawOptions(8, at_most=32), lambda number: 0.9 if number == 11 else 0.01
    )
    never, asked = await reap(DrawOptions(8, at_most=12, confidence=0.8), lambda number: 0.01)
    fine, once = await reap(DrawOptions(8, at_most=32), lambda number: 0.3)
    blind, _ = await reap(DrawOptions(8, at_most=32), lambda number: 0.01, calibrated=False)

    assert (found.stopped, len(found.choices), found.order[0], upstream.sizes) == (
        "candidates",
        12,
        11,
        [8, 2, 2],
    )
    assert (never.stopped, len(never.choices), asked.sizes) == ("candidates", 12, [2] * 6)
    assert (len(fine.choices), once.sizes, len(blind.choices)) == (8, [8], 8)


async def test_what_is_not_calibrated_is_no_reason_to_stop() -> None:
    """Its numbers are no probabilities."""
    found, _ = await reap(DrawOptions(8, confidence=0.5), lambda number: 0.99, calibrated=False)

    assert (found.stopped, len(found.choices)) == ("candidates", 8)


async def test_a_budget_ends_it() -> None:
    """Tokens and time; a round that fails later leaves what is there."""
    tokens, _ = await reap(DrawOptions(16, confidence=0.9, tokens=50), lambda number: 0.1)
    alone, _ = await reap(DrawOptions(16, tokens=50), lambda number: 0.1)
    seconds, _ = await reap(DrawOptions(16, seconds=1e-9), lambda number: 0.1)
    failed, _ = await reap(DrawOptions(16, confidence=0.9), lambda number: 0.1, Fake(fail_at=1))

    assert (tokens.stopped, len(tokens.choices)) == ("tokens", 8)
    assert (alone.stopped, len(alone.choices), len(alone.order)) == ("tokens", 8, 8)
    assert (seconds.stopped, len(seconds.choices)) == ("seconds", 4)
    assert (failed.stopped, len(failed.choices), len(failed.order)) == ("upstream", 4, 4)
    with pytest.raises(GeneratorError):
        await reap(DrawOptions(16), lambda number: 0.1, Fake(fail_at=0))


async def test_a_majority_is_weighed_by_probability() -> None:
    """The answer whose candidates weigh most wins, by its best candidate; what has no answer
    comes last.
    """
    found, _ = await reap(
        DrawOptions(6, select="weighted_majority"),
        lambda number: [0.6, 0.5, 0.1, 0.1, 0.5, 0.1][number],
    )

    assert found.order[:2] == [1, 4]  # 0.5 + 0.5 beside 0.6 + 0.1
    assert by_majority([0, 1, 2], [0.9, 0.5, float("nan")], [None, 0, 0]) == [1, 2, 0]


async def test_no_verifier_leaves_what_was_drawn_unranked() -> None:
    """It was paid for; and it says that nobody ranked it."""

    async def nobody(query: Query, texts: Sequence[str]) -> Any:
        raise NoVerifierError({"judge": "timeout"})

    async def group(query: str, texts: list[str]) -> list[int | None]:
        return [None] * len(texts)

    found = await harvest(Fake(), {}, Query.of("q"), DrawOptions(4), nobody, group)

    assert (found.outcome, found.order, found.problem) == (
        None,
        [0, 1, 2, 3],
        "no verifier could answer (judge: timeout)",
    )


def test_a_choice_is_read_as_verifiers_should() -> None:
    """Text, tool calls, refusals; what is cut off or empty has its status."""
    tool = {
        "message": {
            "content": None,
            "tool_calls": [{"function": {"name": "add", "arguments": "{}"}}],
        },
        "finish_reason": "tool_calls",
    }
    cut = {"message": {"content": "I think"}, "finish_reason": "length"}
    refused = {"message": {"content": None, "refusal": "I can't."}, "finish_reason": "stop"}

    assert text_of(tool) == '{"name":"add","arguments":"{}"}'
    assert [status_of(choice) for choice in (tool, cut, refused, {"message": {"content": ""}})] == [
        "ok",
        "truncated",
        "refused",
        "empty",
    ]
    assert text_of(refused) == "I can't."
    parts = TurnIn(
        role="user",
        content=[
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "data:"}},
        ],
    )
    assert parts.turn().content == "What is this?\n[image_url]"


async def drawn_from(status: int, reply: Any, count: int = 2, **settings: Any) -> Drawn:
    """Draw from a server that says one thing."""
    transport = FakeTransport({"/v1/chat/completions": (status, reply)})
    named = UpstreamSettings.model_validate(
        {"name": "u", "endpoint": "http://a", "model": "m", **settings}
    )
    return await Generator(named, transport).draw({"messages": []}, count, 0)


@pytest.mark.parametrize(
    "status", [200, 201, 204, 206, 299, 300, 302, 304, 307, 399, 401, 403, 407, 500, 599, 999]
)
async def test_what_is_neither_a_completion_nor_the_clients_own_fault_is_a_bad_gateway(
    status: int,
) -> None:
    """Whatever the server's status: ours is one with a reason."""
    with pytest.raises(GeneratorError) as caught:
        await drawn_from(status, b"")

    assert (answer_to(caught.value).status, bool(caught.value.code)) == (502, True)


@pytest.mark.parametrize(
    "change",
    [
        {"content": 5},
        {"content": {}},
        {"content": True},
        {"content": [5]},
        {"content": [{"type": "text", "text": 5}]},
        {"tool_calls": [1]},
        {"tool_calls": "x"},
        {"tool_calls": {"a": 1}},
        {"refusal": 5},
        {"role": 5},
        {"role": None},
    ],
)
async def test_a_message_that_is_none_is_a_bad_gateway(change: dict[str, Any]) -> None:
    """Said as such, before anything is ranked or streamed."""
    reply = {"choices": [{"message": {"role": "assistant", "content": "x", **change}}]}

    with pytest.raises(GeneratorError, match="no chat completion: ") as caught:
        await drawn_from(200, reply)

    assert (answer_to(caught.value).status, caught.value.code) == (502, "upstream_bad_reply")


@pytest.mark.parametrize(
    "reply",
    [
        {"choices": {}},
        {"choices": []},
        {"choices": [5]},
        {"choices": [{"message": None}]},
        [],
        None,
        5,
        {"choices": [{"message": {}, "finish_reason": 5}]},
        {"choices": [{"message": {"content": "x"}}] * 3},
    ],
)
async def test_choices_that_are_none_or_more_than_were_asked_for_are_a_bad_gateway(
    reply: Any,
) -> None:
    """More would be ranked, and paid for, by nobody's wish."""
    with pytest.raises(GeneratorError) as caught:
        await drawn_from(200, reply)

    assert (answer_to(caught.value).status, caught.value.code) == (502, "upstream_bad_reply")


PARTS = [
    {"type": "text", "text": "It is"},
    {"type": "image_url", "image_url": {"url": "x"}},
    {"type": "text", "text": "7."},
    "Or so.",
]


async def test_an_answer_in_parts_is_read_and_streamed_as_their_text() -> None:
    """As a client's own turns are; tools beside it come as they are, numbered."""
    message = {
        "role": "assistant",
        "content": PARTS,
        "tool_calls": [{"index": 7, "id": "a", "function": {"name": "add"}}],
    }
    drawn = await drawn_from(200, {"choices": [{"message": message, "finish_reason": "stop"}]}, 1)
    answer = {
        "id": "1",
        "created": 1,
        "model": "m",
        "choices": [{**drawn.choices[0], "index": 0}],
        "assay": {},
    }

    events = [event async for event in chat._events(answer, False)]

    assert text_of(drawn.choices[0]) == 'It is\n[image_url]\n7.\nOr so.\n{"name":"add"}'
    assert status_of(drawn.choices[0]) == "ok"
    deltas = [
        json.loads(event[6:].split(b"\n\n")[0])["choices"][0]["delta"] for event in events[:-1]
    ]
    assert "".join(delta.get("content", "") for delta in deltas) == "It is\n[image_url]\n7.\nOr so."
    assert deltas[0]["tool_calls"] == [{"index": 0, "id": "a", "function": {"name": "add"}}]
    assert events[-1].endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    "usage",
    [
        {"completion_tokens": -5},
        {"prompt_tokens": "x"},
        {"prompt_tokens": 1e300},
        "x",
        [],
        {"completion_tokens": True},
    ],
)
async def test_a_cost_that_is_no_number_is_said_to_be_none(usage: Any) -> None:
    """It counts as nothing, and the answer warns."""
    reply = {"choices": [{"message": {"content": "x"}}] * 2, "usage": usage}
    drawn = await drawn_from(200, reply)

    assert (drawn.prompt_tokens, drawn.completion_tokens, drawn.misread) == (0, 0, True)
    assert not (await drawn_from(200, {**reply, "usage": {"prompt_tokens": 3}})).misread


async def test_a_seed_at_the_end_of_its_range_can_be_drawn_from() -> None:
    """The next one begins anew."""
    transport = FakeTransport(
        {"/v1/chat/completions": (200, {"choices": [{"message": {"content": "x"}}]})}
    )
    upstream = Generator(
        UpstreamSettings.model_validate({"name": "u", "endpoint": "http://a", "model": "m"}),
        transport,
    )

    await upstream.draw({"messages": [], "seed": 2**63 - 1}, 1, 4)

    assert transport.sent[0][1]["seed"] == 3


class Drip:
    """A server that answers some calls at once, fails one, and never answers the others."""

    def __init__(self, good: int, failure: tuple[int, bytes]) -> None:
        self.good, self.failure = good, failure
        self.begun = self.cancelled = 0

    async def post(self, url: str, body: bytes, api_key: str | None = None) -> tuple[int, bytes]:
        """Answer in turn."""
        self.begun += 1
        turn = self.begun
        if turn <= self.good:
            return 200, orjson.dumps(
                {"choices": [{"message": {"content": "x"}}], "usage": {"completion_tokens": 10}}
            )
        if turn == self.good + 1:
            await asyncio.sleep(0.01)  # the others are under way
            return self.failure
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return 500, b""

    async def get(self, url: str, api_key: str | None = None) -> tuple[int, bytes]:
        """Answer nothing."""
        return 404, b""

    async def close(self) -> None:
        """Nothing to close."""


BUSY = (429, b'{"error": {"message": "slow down"}}')


def apart(transport: Drip) -> Generator:
    """Return an upstream that draws one by one."""
    settings = {"name": "u", "endpoint": "http://a", "model": "m", "draws": "apart"}
    return Generator(UpstreamSettings.model_validate(settings), transport)


@pytest.mark.parametrize("failure", [BUSY, (500, b""), (200, b"nonsense"), (302, b"")])
async def test_a_draw_that_fails_ends_the_others(failure: tuple[int, bytes]) -> None:
    """Nobody waits for them any more, and each would be paid for."""
    transport = Drip(0, failure)

    with pytest.raises(GeneratorError):
        await apart(transport).draw({"messages": []}, 8, 0)

    assert (transport.begun, transport.cancelled) == (8, 7)


async def test_draws_that_nobody_wants_any_more_end() -> None:
    """Who asked went away."""
    transport = Drip(2, BUSY)
    call = asyncio.create_task(apart(transport).draw({"messages": []}, 8, 0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call

    assert transport.cancelled == transport.begun - 3


async def test_what_was_drawn_before_a_draw_failed_is_counted_and_ranked() -> None:
    """It is paid for; drawing stops, and says why."""

    async def rank(query: Query, texts: Sequence[str]) -> Any:
        return Said([0.5 for _ in texts])

    async def group(query: str, texts: list[str]) -> list[int | None]:
        return [None for _ in texts]

    transport = Drip(3, BUSY)
    found = await harvest(
        apart(transport), {"messages": []}, Query.of("q"), DrawOptions(8), rank, group
    )

    assert (len(found.choices), found.completion_tokens, found.stopped, len(found.order)) == (
        3,
        30,
        "upstream",
        3,
    )
    assert (transport.begun, transport.cancelled) == (8, 4)


PROMPT = "my secret prompt"


async def test_no_text_of_a_server_that_fails_is_logged() -> None:
    """It may repeat the prompt; the client, whose prompt it is, gets one line of it."""

    class Second(Fake):
        async def draw(self, body: dict[str, Any], count: int, first: int) -> Drawn:
            if first:
                return await drawn_from(
                    400,
                    {
                        "error": {
                            "message": f"too long:\n\x1b[31m{PROMPT}" + "x" * 5000,
                            "param": "messages",
                        }
                    },
                )
            return await super().draw(body, count, first)

    async def rank(query: Query, texts: Sequence[str]) -> Any:
        return Said([0.1 for _ in texts])

    async def group(query: str, texts: list[str]) -> list[int | None]:
        return [None for _ in texts]

    with capture_logs() as logs:
        found = await harvest(
            Second(), {}, Query.of(PROMPT), DrawOptions(16, confidence=0.9), rank, group
        )
    with pytest.raises(GeneratorError) as caught:
        await Second().draw({}, 1, 1)

    assert found.stopped == "upstream"
    assert [(each["event"], each["status"], each["code"]) for each in logs] == [
        ("round_failed", 400, "upstream_refused")
    ]
    assert PROMPT not in str(logs)
    assert PROMPT in str(caught.value)
    assert len(str(caught.value)) < 1100
    assert str(caught.value).isprintable()
