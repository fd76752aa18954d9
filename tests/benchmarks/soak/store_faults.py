"""The soak's faults of the store and of the service's sockets, and the checks afterwards."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from assay.service.domain.score_keys import keys_of
from assay.verifiers import HttpPool, Pair, Query, VerifierError
from tests.support.servers.processes import Server
from tests.support.servers.valkeys import say

#: Commands that begin and end a fault of the store.
COMMANDS: dict[str, tuple[list[str], list[str]]] = {
    "read_only": (["REPLICAOF 127.0.0.1 1"], ["REPLICAOF NO ONE"]),
    "full": (["CONFIG SET maxmemory-policy noeviction", "CONFIG SET maxmemory 1"],
             ["CONFIG SET maxmemory 0", "CONFIG SET maxmemory-policy volatile-lru"]),
    "disk_failed": (["CONFIG SET save '3600 1'", "BGSAVE"], ["CONFIG SET save ''"]),
    "wrong_type": (["SET assay:1:damage-done 1", "HSET assay:1:labels:{default} x:y garbage", "HSET assay:1:state:{default} serving abc",
                    "RENAME assay:1:economy:{default} assay:1:gone", "SET assay:1:economy:{default} text",
                    "XADD assay:1:requests:{default} * t {}"], []),
}  # fmt: skip
STORE_FAULTS = (*COMMANDS, "away", "slow_readers")
#: While these last no label can be acknowledged.
REFUSING = ("read_only", "full", "disk_failed")
#: After these replicas may serve different versions.
SPLITTING = (*COMMANDS, "store", "away")
SLOW_READERS, LABEL_EVERY_S, AGREE_S, FAILED_S = 50, 0.5, 2.0, 5.0


@contextmanager
def refusing(port: int, folder: Path, fault: str) -> Iterator[None]:
    """Have the store answer with errors for the block, or hold damaged values from then on."""
    (folder / "dump.rdb" / "x").mkdir(
        parents=True, exist_ok=True
    )  # a snapshot cannot take its place
    begin, end = COMMANDS[fault]
    for line in begin:
        tell(port, line)
    if fault == "disk_failed":
        _await_failed_snapshot(port)
    try:
        yield
    finally:
        for line in end:
            tell(port, line)


def tell(port: int, line: str) -> None:
    """Send the store a command; raise `RuntimeError` where it does not take it, and the fault
    would be none.
    """
    reply = say(port, line)
    if reply.startswith("-") and "no such key" not in reply:
        raise RuntimeError(f"{line}: {reply.strip()}")


def _await_failed_snapshot(port: int) -> None:
    """Return when a snapshot has failed, from when on the store takes no writes; raise
    `RuntimeError` where none fails.
    """
    until = time.monotonic() + FAILED_S
    while "rdb_last_bgsave_status:err" not in say(port, "INFO persistence"):
        if time.monotonic() > until:
            raise RuntimeError("no snapshot failed")
        time.sleep(0.05)  # a process that the server waits for


async def read_slowly(url: str, body: bytes, seconds: float) -> None:
    """Ask over many connections, and read nothing for a while."""
    place = urlsplit(url)
    head = f"POST /v1/rank HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writers = []
    for _ in range(SLOW_READERS):
        with suppress(OSError):
            _, writer = await asyncio.open_connection(place.hostname, place.port, limit=1)
            writer.write(head.encode() + body)
            writers.append(writer)
    await asyncio.sleep(seconds)
    for writer in writers:
        writer.transport.abort()


async def label(
    pool: HttpPool,
    url: str,
    acknowledged: set[str],
    refused: Counter[str],
    fault: Callable[[], str],
) -> None:
    """Send labels all the time; note which were acknowledged as being on disk, and during which
    fault others were not.

    Runs until cancelled.
    """
    number = 0
    while True:
        await asyncio.sleep(LABEL_EVERY_S)
        query, candidate = f"labelled {number}", f"candidate of {number}"
        sent = {
            "labels": [
                {"query": query, "candidate": candidate, "correct": number % 2, "random": True}
            ]
        }
        number += 1
        during = fault()
        try:
            status, raw = await pool.post(url + "/v1/tasks/default/labels", orjson.dumps(sent))
        except VerifierError:
            refused[f"{during}: no answer"] += 1
            continue
        answer = orjson.loads(raw)
        if status == 200 and answer["durable"]:
            key = keys_of([Pair(Query.of(query), candidate)], True).pairs[0]
            acknowledged.add(key.replace("{", "").replace("}", ""))
        else:
            said = "not durable" if status == 200 else f"{status} {answer['error']['code']}"
            refused[f"{during}: {said}"] += 1


def fit(server: Server) -> int | None:
    """Fit, and return the version; None where none can be had within a minute."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found = server.post("/v1/tasks/default/fit", {})
        if found.status == 200 and found.json["version"]:
            return int(found.json["version"])
        time.sleep(0.5)  # a fit of its own may be under way
    return None


def agreement(first: Server, second: Server) -> float | None:
    """Promote another version at one replica as soon as that is taken; return the seconds until the
    other one serves it.

    None where nothing is promoted, or not followed, within twenty seconds.
    """
    until = time.monotonic() + 10 * AGREE_S
    while time.monotonic() < until:
        theirs, models = second.get("/v1/tasks/default"), first.get("/v1/tasks/default/models")
        if theirs.status == models.status == 200:
            versions = [each["version"] for each in models.json["models"]]
            others = [
                each for each in versions if f"default@{each}" != theirs.json["model_version"]
            ]
            wanted = max(others, default=0)
            if (
                wanted
                and first.post(
                    f"/v1/tasks/default/models/{wanted}/promote", {"pinned": True}
                ).status
                == 200
            ):
                return _followed(second, f"default@{wanted}")
        time.sleep(0.05)  # the store may just have come back
    return None


def _followed(server: Server, version: str) -> float | None:
    """Return the seconds until a replica serves a version; None after twenty."""
    began = time.monotonic()
    while time.monotonic() < began + 10 * AGREE_S:
        if server.get("/v1/tasks/default").json.get("model_version") == version:
            return time.monotonic() - began
        time.sleep(0.02)  # between looks
    return None


def afterwards(first: Server, second: Server, acknowledged: set[str]) -> dict[str, Any]:
    """Return the checks after all faults: labels, fits, and the time until two replicas agree."""
    version = fit(first)
    agreed = agreement(first, second)
    kept = {each["key"] for each in first.get("/v1/tasks/default/labels").json["labels"]}
    ready = first.get("/readyz").json
    return {
        "labels_acknowledged": len(acknowledged),
        "labels_lost": len(acknowledged - kept),
        "fitted_version": version,
        "replicas_agree_s": agreed,
        "background": ready.get("background"),
        "store": ready.get("store"),
    }
