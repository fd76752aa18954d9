"""Measure the time that the best-of-n gateway adds to the upstream's own call.

    python -m tests.benchmarks.gateway [--requests 300]

The upstream answers with 8 choices of 800 characters after 0, 50 or 500 ms; the gateway ranks them
by three checks that ask nobody. One request in flight, one worker, everything on this machine.
Prints a table and a JSON line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import uvloop
from rich.console import Console
from rich.table import Table

from assay.verifiers import HttpPool
from tests.benchmarks.overhead import timed
from tests.support.servers.processes import ROOT, Server, service, write_config

CHOICES, CHARS = 8, 800
DELAYS_MS = (0.0, 50.0, 500.0)


class Chat(asyncio.Protocol):
    """Answers each request with choices, after a delay."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s, self._buffer = delay_s, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer a complete request."""
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length")
            ),
            0,
        )
        if len(body) >= length:
            self._buffer = b""
            asyncio.get_running_loop().call_later(self._delay_s, self._answer)

    def _answer(self) -> None:
        choices = [
            {
                "index": place,
                "message": {
                    "role": "assistant",
                    "content": f"{random.random()} ".ljust(CHARS, "x"),
                },
                "finish_reason": "stop",
            }
            for place in range(CHOICES)
        ]
        reply = orjson.dumps(
            {
                "id": "x",
                "object": "chat.completion",
                "choices": choices,
                "usage": {"prompt_tokens": 20, "completion_tokens": 1600},
            }
        )
        self._transport.write(  # type: ignore[attr-defined]
            b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(reply), reply)
        )


async def serve(delay_s: float) -> None:
    """Serve on a free port until killed; print it first."""
    server = await asyncio.get_running_loop().create_server(lambda: Chat(delay_s), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


@contextmanager
def upstream(delay_ms: float) -> Iterator[str]:
    """Run the upstream and return its URL."""
    command = [sys.executable, "-m", "tests.benchmarks.gateway", "--serve", str(delay_ms)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()


async def asked(pool: HttpPool, base: str, body: dict[str, Any]) -> None:
    """Ask, and see that it was answered as it should be."""
    status, raw = await pool.post(base + "/v1/chat/completions", orjson.dumps(body))
    assert status == 200, raw
    answer = orjson.loads(raw)
    assert len(answer["choices"]) == body["n"]
    assert answer.get("assay", {}).get("ranked", True)


async def measured(url: str, assay: Server, requests: int) -> dict[str, list[float]]:
    """Return the milliseconds of each way, turn by turn."""
    pool = HttpPool()
    took: dict[str, list[float]] = {url: [], assay.url: []}
    for number in range(requests):
        body = {
            "model": "llm",
            "n": CHOICES,
            "messages": [{"role": "user", "content": f"question {number}"}],
        }
        for base in random.sample(sorted(took), 2):
            sent = body if base == url else {**body, "n": 1}
            took[base].append(await timed(asked(pool, base, sent)))
    await pool.close()
    return {"direct": took[url], "gateway": took[assay.url]}


def main() -> None:
    """Measure, print a table and a JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--serve", type=float, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve is not None:
        uvloop.run(serve(args.serve / 1e3))
    table, rows = (
        Table(
            "upstream", "direct p50", "gateway p50", "ratio", "p99", box=None, header_style="bold"
        ),
        [],
    )
    for delay in DELAYS_MS:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-gateway-")))
            url = stack.enter_context(upstream(delay))
            verifiers = [
                {"name": kind, "kind": kind} for kind in ("length", "refusal", "repetition")
            ]
            content = {
                "verifiers": verifiers,
                "upstreams": [{"name": "llm", "endpoint": url, "model": "llm"}],
            }
            running = stack.enter_context(
                service(
                    write_config(folder / "e.yaml", content),
                    folder,
                    env={**os.environ, "ASSAY_LOG_LEVEL": "warning"},
                )
            )
            took = asyncio.run(
                measured(
                    url, running, args.requests if delay < 100 else max(20, args.requests // 5)
                )
            )
        p50 = {way: float(np.percentile(times[10:], 50)) for way, times in took.items()}
        p99 = {way: float(np.percentile(times[10:], 99)) for way, times in took.items()}
        rows.append(
            {
                "upstream_ms": delay,
                "p50_ms": p50,
                "p99_ms": p99,
                "ratio": p50["gateway"] / p50["direct"],
            }
        )
        table.add_row(
            f"{delay:g} ms",
            f"{p50['direct']:.1f} ms",
            f"{p50['gateway']:.1f} ms",
            f"x {rows[-1]['ratio']:.2f}",
            f"{p99['direct']:.1f}, {p99['gateway']:.1f} ms",
        )
    Console().print(table)
    print(json.dumps({"choices": CHOICES, "characters": CHARS, "rows": rows}))


if __name__ == "__main__":
    main()
