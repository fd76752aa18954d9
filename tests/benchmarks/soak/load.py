"""The soak's requests and their answers, noted and checked."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import orjson

from assay.verifiers import HttpPool, VerifierError
from tests.support.servers.processes import call

CANDIDATES, CHECKED = 4, 300


@dataclass
class Seen:
    """The answers by time of sending, and a sample of them to check."""

    statuses: Counter[int] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    took: list[tuple[float, float]] = field(default_factory=list)  # when it was sent, milliseconds
    sample: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    faults: list[tuple[str, float, float]] = field(default_factory=list)
    fault: str = "none"  # the one that is there now
    agreed: list[tuple[str, float | None]] = field(
        default_factory=list
    )  # by fault: seconds until replicas agreed after it
    memory: list[tuple[float, float]] = field(default_factory=list)
    partial: int = 0


def body_of(number: int) -> dict[str, Any]:
    """Return a request of its own."""
    candidates = [f"candidate {place} of {number}: " + "words " * 20 for place in range(CANDIDATES)]
    return {
        "query": f"question {number}",
        "candidates": candidates,
        "explain": True,
        "deadline_ms": 5000,
    }


async def ask(pool: HttpPool, url: str, number: int, seen: Seen, begun: float) -> None:
    """Send one request, and note its answer."""
    body, sent = body_of(number), time.monotonic()
    try:
        status, raw = await pool.post(url + "/v1/rank", orjson.dumps(body))
    except VerifierError as exc:
        seen.statuses[0] += 1
        seen.codes[f"no answer: {exc}"] += 1
        return
    seen.took.append((sent - begun, 1e3 * (time.monotonic() - sent)))
    seen.statuses[status] += 1
    answer = orjson.loads(raw)
    if status != 200:
        seen.codes[answer["error"]["code"]] += 1
        return
    seen.partial += bool(answer["partial"])
    if len(seen.sample) < CHECKED:
        seen.sample.append((body, answer))
    elif random.random() < CHECKED / len(seen.took):
        seen.sample[random.randrange(CHECKED)] = (body, answer)


async def saturation(pool: HttpPool, url: str) -> float:
    """Return the requests a second that come back when 32 are always under way."""
    until, done, numbers, seen = time.monotonic() + 6, 0, iter(range(10**9, 2 * 10**9)), Seen()

    async def lane() -> None:
        nonlocal done
        while time.monotonic() < until:
            await ask(pool, url, next(numbers), seen, 0.0)
            done += 1

    await asyncio.gather(*(lane() for _ in range(32)))
    return done / 6


async def offer(
    pool: HttpPool, url: str, rate: float, seconds: float, seen: Seen, begun: float
) -> None:
    """Send at a constant rate, without waiting for answers."""
    running: set[asyncio.Task[None]] = set()
    for number in range(int(rate * seconds)):
        if (wait := begun + number / rate - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(ask(pool, url, number, seen, begun))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)


def wrong(seen: Seen, url: str) -> int:
    """Return how many served scores differ from a clean service's scores of the same texts."""
    count = 0
    for body, told in seen.sample:
        clean = {
            result["index"]: result["verifiers"]
            for result in call(url + "/v1/rank", {**body, "deadline_ms": 60_000}).json["results"]
        }
        for result in told["results"]:
            for name, said in result["verifiers"].items():
                count += (
                    said["raw"] is not None
                    and abs(said["raw"] - clean[result["index"]][name]["raw"]) > 1e-6
                )
    return count
