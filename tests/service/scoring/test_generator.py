"""Drawing candidates from a server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from assay.service.api.errors import answer_to
from assay.service.config.generator_settings import UpstreamSettings
from assay.service.domain.errors import GeneratorError
from assay.service.scoring.generator import Generator
from tests.support.verifiers.fakes import FakeTransport
from tests.support.verifiers.generators import BUSY, Drip, apart, drawn_from


@pytest.mark.parametrize(
    "status", [200, 201, 204, 206, 299, 300, 302, 304, 307, 399, 401, 403, 407, 500, 599, 999]
)
async def test_what_is_neither_a_completion_nor_the_clients_own_fault_is_a_bad_gateway(
    status: int,
) -> None:
    """For any status of the server, ours is 502 with a reason."""
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
    """The gateway would rank and pay for unwanted choices."""
    with pytest.raises(GeneratorError) as caught:
        await drawn_from(200, reply)

    assert (answer_to(caught.value).status, caught.value.code) == (502, "upstream_bad_reply")


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


@pytest.mark.parametrize("failure", [BUSY, (500, b""), (200, b"nonsense"), (302, b"")])
async def test_a_draw_that_fails_ends_the_others(failure: tuple[int, bytes]) -> None:
    """Their results would be unused, and each would cost."""
    transport = Drip(0, failure)

    with pytest.raises(GeneratorError):
        await apart(transport).draw({"messages": []}, 8, 0)

    assert (transport.begun, transport.cancelled) == (8, 7)


async def test_draws_that_nobody_wants_any_more_end() -> None:
    """The client has gone."""
    transport = Drip(2, BUSY)
    call = asyncio.create_task(apart(transport).draw({"messages": []}, 8, 0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call

    assert transport.cancelled == transport.begun - 3
