"""Places: taken once the body is complete, and not held for a client that has left."""

from __future__ import annotations

import asyncio

from tests.support.http.handlers import asking, held, plain
from tests.support.http.wires import Client, gate_of
from tests.support.waiting import turns


async def test_a_body_that_does_not_come_takes_no_place() -> None:
    """Complete requests pass slow senders; each slow one gets its answer when it is complete."""
    gate = gate_of(plain, max_active=1, max_queued=0)
    slow = [Client().send(b"a", more=True) for _ in range(20)]
    tasks = [asking(gate, client) for client in slow]
    await turns()

    assert await Client().send(b"{}").ask(gate) == 200
    for client in slow[:1]:
        client.send(b"b")
    assert await tasks[0] == 200
    assert slow[0].body == b"ab"
    for client in slow[1:]:
        client.leave()
    assert {await task for task in tasks[1:]} == {499}


async def test_who_left_waits_no_longer() -> None:
    """A queue full of clients that have gone is an empty one, and no place is lost with them."""
    event = asyncio.Event()
    gate = gate_of(held(event), max_active=1, max_queued=3)
    first = asking(gate, Client().send(b""))
    waiting = [Client().send(b"") for _ in range(3)]
    tasks = [asking(gate, client) for client in waiting]
    await turns()
    assert await Client().send(b"").ask(gate) == 429
    for client in waiting:
        client.leave()

    assert {await task for task in tasks} == {499}
    patient = asking(gate, Client().send(b""))
    await turns()
    event.set()
    assert (await first, await patient) == (200, 200)
    assert await Client().send(b"").ask(gate) == 200


async def test_who_leaves_when_a_place_comes_free_does_not_keep_it() -> None:
    """At the very same moment."""
    event = asyncio.Event()
    gate = gate_of(held(event), max_active=1, max_queued=1)
    first = asking(gate, Client().send(b""))
    await turns()
    client = Client().send(b"")
    second = asking(gate, client)
    await turns()
    event.set()
    client.leave()
    await asyncio.gather(first, second)

    assert await Client().send(b"").ask(gate) == 200


async def test_who_waits_too_long_is_told() -> None:
    """And gives up the wait, not somebody's place."""
    event = asyncio.Event()
    gate = gate_of(held(event), max_active=1, max_queued=1, deadline_ms=20)
    first = asking(gate, Client().send(b""))
    await turns()
    late = Client().send(b"")

    assert await late.ask(gate) == 429
    assert b"queue_timeout" in late.body
    event.set()
    assert (await first, await Client().send(b"").ask(gate)) == (200, 200)
