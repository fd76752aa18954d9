"""What the soak does to its store and to the service's sockets, and what has to hold afterwards."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from service.keys import keys_of
from tests.processes import Server
from tests.valkeys import say
from verifiers import HttpPool, Pair, Query, VerifierError

#: Commands that begin and end a fault of the store.
COMMANDS: dict[str, tuple[list[str], list[str]]] = {
    "read_only": (["REPLICAOF 127.0.0.1 1"], ["REPLICAOF NO ONE"]),
    "full": (["CONFIG SET maxmemory-policy noeviction", "CONFIG SET maxmemory 1"],
             ["CONFIG SET maxmemory 0", "CONFIG SET maxmemory-policy volatile-lru"]),
    "disk_failed": (["CONFIG SET dbfilename broken.rdb", "CONFIG SET stop-writes-on-bgsave-error yes", "CONFIG SET save '1 1'", "BGSAVE"],
                    ["CONFIG SET stop-writes-on-bgsave-error no", "CONFIG SET save ''"]),
    "wrong_type": (["SET assay:1:damage-done 1", "HSET assay:1:labels:{default} x:y garbage", "HSET assay:1:state:{default} serving abc",
                    "RENAME assay:1:economy:{default} assay:1:gone", "SET assay:1:economy:{default} text",
                    "XADD assay:1:requests:{default} * t {}"], []),
}  # fmt: skip
STORE_FAULTS = (*COMMANDS, "away", "slow_readers")
SLOW_READERS, LABEL_EVERY_S, AGREE_S = 50, 0.5, 2.0


@contextmanager
def refusing(port: int, folder: Path, fault: str) -> Iterator[None]:
    """Have the store answer with errors for the block, or hold damaged values from then on."""
    (folder / "broken.rdb" / "x").mkdir(parents=True, exist_ok=True)  # a snapshot cannot take its place
    begin, end = COMMANDS[fault]
    for line in begin:
        say(port, line)
    try:
        yield
    finally:
        for line in end:
            say(port, line)


async def read_slowly(url: str, body: bytes, seconds: float) -> None:
    """Ask over many connections, and read nothing for a while."""
    place = urlsplit(url)
    head = (
        f"POST /v1/rank HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writers = []
    for _ in range(SLOW_READERS):
        with suppress(OSError):
            _, writer = await asyncio.open_connection(place.hostname, place.port, limit=1)
            writer.write(head.encode() + body)
            writers.append(writer)
    await asyncio.sleep(seconds)
    for writer in writers:
        writer.transport.abort()


async def label(pool: HttpPool, url: str, acknowledged: set[str], refused: dict[str, int]) -> None:
    """Send labels all the time, and note which were acknowledged as being on disk. Runs until cancelled."""
    number = 0
    while True:
        await asyncio.sleep(LABEL_EVERY_S)
        query, candidate = f"labelled {number}", f"candidate of {number}"
        sent = {"labels": [{"query": query, "candidate": candidate, "correct": number % 2, "random": True}]}
        number += 1
        try:
            status, raw = await pool.post(url + "/v1/tasks/default/labels", orjson.dumps(sent))
        except VerifierError:
            refused["no answer"] = refused.get("no answer", 0) + 1
            continue
        answer = orjson.loads(raw)
        if status == 200 and answer["durable"]:
            key = keys_of([Pair(Query.of(query), candidate)], True).pairs[0]
            acknowledged.add(key.replace("{", "").replace("}", ""))
        else:
            said = "not durable" if status == 200 else f"{status} {answer['error']['code']}"
            refused[said] = refused.get(said, 0) + 1


def afterwards(first: Server, second: Server, acknowledged: set[str]) -> dict[str, Any]:
    """Return what holds once all faults are over: labels, fits, and how soon two replicas agree."""
    until = time.monotonic() + 60
    while (fit := first.post("/v1/tasks/default/fit", {})).status != 200 and time.monotonic() < until:
        time.sleep(0.5)  # a fit of its own may be under way
    version = fit.json.get("version") if fit.status == 200 else None
    agreed = None
    if version is not None:
        first.post(f"/v1/tasks/default/models/{version}/promote", {})
        began = time.monotonic()
        while time.monotonic() < began + 10 * AGREE_S:
            if second.get("/v1/tasks/default").json.get("model_version") == f"default@{version}":
                agreed = time.monotonic() - began
                break
            time.sleep(0.02)  # between looks
    kept = {each["key"] for each in first.get("/v1/tasks/default/labels").json["labels"]}
    return {
        "labels_acknowledged": len(acknowledged), "labels_lost": len(acknowledged - kept), "fitted_version": version,
        "replicas_agree_s": agreed, "replicas_agree": agreed is not None and agreed <= AGREE_S,
        "background": first.get("/readyz").json.get("background"), "store": first.get("/readyz").json.get("store"),
    }  # fmt: skip
