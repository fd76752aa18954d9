"""Sends busy servers less while their queues are too long."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.runtime.backpressure import Backpressure
from assay.verifiers import UnreachableError
from assay.verifiers.judges.verdict import Judge, JudgeSettings
from tests.support.verifiers.fakes import FakeTransport, FakeVerifier


async def test_a_swamped_vllm_server_gets_less_while_it_is_worked_for() -> None:
    """Its metrics show the queue; the service reads them rarely, and not at all while idle."""
    metrics = b'vllm:num_requests_running{engine="0"} 4\nvllm:num_requests_waiting{engine="0"} 40\n'
    transport = FakeTransport({"/metrics": (200, metrics)})
    judge = Judge(
        JudgeSettings(name="judge", kind="judge", model="m", endpoint="http://a"), transport
    )
    silent = Judge(
        JudgeSettings(name="other", kind="judge", model="m", endpoint="http://b"), FakeTransport({})
    )
    pressure = Backpressure([judge, silent, FakeVerifier("check")])

    await pressure.look()
    assert transport.sent == []
    for each in (judge, silent):
        each.upstream.endpoints[0].outstanding = each.upstream.endpoints[0].pace.peak = 64
    await pressure.look()
    await pressure.look()

    assert judge.upstream.endpoints[0].pace.limit == 32
    assert silent.upstream.endpoints[0].pace.limit > 1000
    assert [name for name, limit, _ in pressure.places() if limit < 100] == ["judge"]


def judged(replies: dict[str, Any]) -> tuple[Judge, FakeTransport]:
    """Return a judge with a busy server, and its transport."""
    transport = FakeTransport(replies)
    settings = JudgeSettings(name="judge", kind="judge", model="m", endpoint="http://a")
    judge = Judge(settings, transport)
    endpoint = judge.upstream.endpoints[0]
    endpoint.outstanding = endpoint.pace.peak = 64
    return judge, transport


async def test_a_short_queue_changes_nothing() -> None:
    """A server that works on more than wait for it keeps its pace."""
    metrics = b"vllm:num_requests_running 40\nvllm:num_requests_waiting 10\n"
    judge, transport = judged({"/metrics": (200, metrics)})
    before = judge.upstream.endpoints[0].pace.limit

    await Backpressure([judge]).look()

    assert transport.paths() == ["/metrics"]
    assert judge.upstream.endpoints[0].pace.limit == before


@pytest.mark.parametrize("reply", [(404, b""), (200, b"nonsense"), UnreachableError("refused")])
async def test_a_server_without_a_queue_is_not_asked_again_soon(reply: Any) -> None:
    """It is no vLLM, or it is away: one call a minute is enough."""
    judge, transport = judged({"/metrics": reply})
    pressure = Backpressure([judge])

    await pressure.look()
    await pressure.look()

    assert transport.paths() == ["/metrics"]


async def test_places_are_those_of_served_verifiers() -> None:
    """By name, with how many are taken; a check has none."""
    judge, _ = judged({})
    pace = judge.upstream.endpoints[0].pace
    pace.limit, pace.taken = 8, 3

    assert Backpressure([judge, FakeVerifier("check")]).places() == [("judge", 8, 3)]
