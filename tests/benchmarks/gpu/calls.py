"""The calls that a verifier makes, recorded: their prompts, and the same calls again."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import orjson

from assay.verifiers import HttpPool, Pair, Query, build
from tests.support.servers.processes import Server, call


class Recorder(HttpPool):
    """A transport that keeps the requests."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, dict[str, Any]]] = []

    async def post(self, url: str, body: bytes, api_key: str | None = None) -> tuple[int, bytes]:
        """Ask, and keep it."""
        self.sent.append((url, orjson.loads(body)))
        return await super().post(url, body, api_key)


def rendered(server: Server, model: str, talk: list[dict[str, str]]) -> str:
    """Return a conversation as the server's template writes it."""
    ids = call(
        server.url + "/tokenize", {"model": model, "messages": talk, "add_generation_prompt": True}
    ).json["tokens"]
    return str(call(server.url + "/detokenize", {"model": model, "tokens": ids}).json["prompt"])


async def calls_of(
    settings: Any, asked: list[tuple[str, list[str]]]
) -> list[tuple[str, dict[str, Any]]]:
    """Return a verifier's calls for the queries."""
    recorder = Recorder()
    verifier = build(settings, recorder)
    for query, texts in asked:
        for start in range(0, len(texts), settings.batch_size):
            await verifier.score(
                [Pair(Query.of(query), text) for text in texts[start : start + settings.batch_size]]
            )
    await recorder.close()
    return [
        (url, body) for url, body in recorder.sent if not url.endswith(("/tokenize", "/detokenize"))
    ]


def prompts_of(calls: list[tuple[str, dict[str, Any]]], server: Server) -> list[str]:
    """Return the prompts of calls, as texts."""
    found: list[str] = []
    for _, body in calls:
        if "messages" in body:
            talks = (
                body["messages"] if isinstance(body["messages"][0], list) else [body["messages"]]
            )
            found += [rendered(server, body["model"], talk) for talk in talks]
        else:
            given = body.get("input", body.get("prompt"))
            found += given if isinstance(given, list) else [str(given)]
    return found


async def again(calls: list[tuple[str, dict[str, Any]]]) -> float:
    """Make calls once more, all at once, of queries that begin otherwise: nothing of them is in
    the server's cache. Return the seconds.
    """
    pool = HttpPool()
    bodies = [
        (url, orjson.dumps(body).replace(b"Question ", b"Question once more "))
        for url, body in calls
    ]
    started = time.monotonic()
    answers = await asyncio.gather(*(pool.post(url, body) for url, body in bodies))
    seconds = time.monotonic() - started
    await pool.close()
    if wrong := [raw[:300] for status, raw in answers if status != 200]:
        raise RuntimeError(f"{len(wrong)} of {len(answers)} calls failed: {wrong[0]!r}")
    return seconds
