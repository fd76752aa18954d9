"""Scoring handlers, called past the framework."""

from __future__ import annotations

from tests.support.http.handlers import asking, plain
from tests.support.http.wires import Client, gate_of
from tests.support.waiting import turns


async def test_an_answer_that_nobody_reads_holds_no_place() -> None:
    """One in a single piece likewise."""
    gate = gate_of(plain, max_active=1, max_queued=0)
    still = Client().send(b"")
    still.reads.clear()
    task = asking(gate, still)
    await turns()

    assert await Client().send(b"").ask(gate) == 200
    still.reads.set()
    assert await task == 200
