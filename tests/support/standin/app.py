"""The ASGI application of one server, and the faults that it acts out."""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson

from tests.support.standin.generating import Generating
from tests.support.standin.pooling import Pooling
from tests.support.standin.replies import MAX_MODEL_LEN, RefusalError, Reply
from tests.support.standin.tokens import chatml, detokenize, tokenize

KINDS = ("judge", "reward", "prm", "rerank", "tokens", "nli", "embed")
VERSION = "0.32.0"
FAULTS = ("", "hang", "hang_mid_body", "html", "garbage", "few_rows", "nan", "500", "503", "zero")


class StandIn:
    """The ASGI application of one server."""

    def __init__(self, kind: str, latency_ms: float = 0.0, fault: str = "") -> None:
        self.kind, self.latency_ms, self.fault = kind, latency_ms, fault
        self.asked: Counter[str] = Counter()
        self.active = 0
        self.cancelled = 0
        self.error_rate = 0.0  # share of calls that end with a 500
        self.waiting = 0  # requests that it says are waiting
        self.traceparents: list[str] = []  # of the latest calls
        generating, pooling = Generating(kind), Pooling(kind)
        routes: dict[str, dict[str, Callable[[dict[str, Any]], Any]]] = {
            "judge": {
                "/v1/chat/completions": generating.chat,
                "/v1/chat/completions/batch": generating.chat_batch,
                "/v1/completions": generating.completions,
                "/generative_scoring": generating.generative_scoring,
            },
            "reward": {"/classify": pooling.classify},
            "prm": {"/pooling": pooling.pooling},
            "rerank": {"/score": pooling.score},
            "tokens": {"/pooling": pooling.pooling_tokens},
            "nli": {"/classify": pooling.classify_three},
            "embed": {"/v1/embeddings": pooling.embed},
        }
        self.routes = {**routes[kind], "/tokenize": self._tokenize, "/detokenize": self._detokenize}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": f"{message['type']}.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        path, method = scope["path"], scope["method"]
        if path == "/standin":
            await _reply(send, 200, self._control(body))
            return
        if path == "/metrics":
            await _reply(send, 200, self._metrics(), b"text/plain")
            return
        self.asked[path] += 1
        self.traceparents += [
            value.decode() for name, value in scope["headers"] if name == b"traceparent"
        ]
        self.active += 1
        answering = asyncio.ensure_future(self._answer(method, path, body, send))
        leaving = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                self.cancelled += 1
        finally:
            self.active -= 1
            for task in (answering, leaving):
                task.cancel()

    def _control(self, body: bytes) -> dict[str, Any]:
        if body:
            wanted = orjson.loads(body)
            self.fault = wanted.get("fault", self.fault)
            self.latency_ms = wanted.get("latency_ms", self.latency_ms)
            self.error_rate = wanted.get("error_rate", self.error_rate)
            self.waiting = wanted.get("waiting", self.waiting)
            if wanted.get("reset"):
                self.asked.clear()
                self.cancelled = 0
            assert self.fault in FAULTS
        return {
            "asked": dict(self.asked),
            "active": self.active,
            "cancelled": self.cancelled,
            "fault": self.fault,
            "traceparents": self.traceparents[-100:],
        }

    async def _answer(self, method: str, path: str, body: bytes, send: Any) -> None:
        if method == "GET" and path in ("/health", "/v1/models", "/version"):
            await _reply(send, 200, self._get(path))
            return
        if path not in self.routes:
            await _reply(send, 404, {"detail": "Not Found"})
            return
        if method != "POST":
            await _reply(send, 405, {"detail": "Method Not Allowed"})
            return
        await asyncio.sleep(self.latency_ms / 1e3)
        if path in ("/tokenize", "/detokenize") or not await self._failed(send):
            status, reply = self._call(path, body)
            await _reply(send, status, self._spoilt(reply))

    def _metrics(self) -> bytes:
        label = f'{{engine="0",model_name="{self.kind}"}}'
        told = {"running": self.active, "waiting": self.waiting}
        return "".join(
            f"vllm:num_requests_{name}{label} {float(value)}\n" for name, value in told.items()
        ).encode()

    def _get(self, path: str) -> Any:
        if path == "/health":
            return None
        if path == "/version":
            return {"version": VERSION}
        model = {
            "id": self.kind,
            "object": "model",
            "owned_by": "vllm",
            "root": self.kind,
            "max_model_len": MAX_MODEL_LEN,
        }
        return {"object": "list", "data": [model]}

    async def _failed(self, send: Any) -> bool:
        """Act out a fault that needs no reply to spoil."""
        if self.fault == "hang":
            await asyncio.sleep(3600)
        elif self.fault == "hang_mid_body":
            await send(
                {
                    "type": "http.response.start",
                    "status": 200,
                    "headers": [(b"content-length", b"1000")],
                }
            )
            await send({"type": "http.response.body", "body": b'{"data": [', "more_body": True})
            await asyncio.sleep(3600)
        elif self.fault == "html":
            await _reply(send, 200, b"<html><body>Welcome to the proxy</body></html>", b"text/html")
        elif self.fault == "garbage":
            await _reply(send, 200, b"\x00\xff not json")
        elif self.fault == "500" or random.random() < self.error_rate:  # a fault at random
            message = "EngineCore encountered an issue. See stack trace (above) for the root cause."
            await _reply(send, 500, RefusalError(500, message, "InternalServerError").body)
        elif self.fault == "503":
            message = "The engine is currently busy and cannot accept new requests. Please try again later or on a different instance."
            await _reply(send, 503, RefusalError(503, message, "Service Unavailable").body)
        else:
            return False
        return True

    def _spoilt(self, reply: Any) -> Any:
        rows = reply.get("data") or reply.get("choices") if isinstance(reply, dict) else None
        if self.fault == "few_rows" and rows:
            rows.pop()
        if self.fault in ("nan", "zero") and rows:
            bad = math.nan if self.fault == "nan" else 0.0
            for row in rows:
                if "score" in row:
                    row["score"] = bad
                elif "probs" in row:
                    row["probs"] = [bad]
                elif "data" in row:
                    row["data"] = [[bad] * len(each) for each in row["data"]]
                elif "embedding" in row:
                    row["embedding"] = [bad for _ in row["embedding"]]
                elif row.get("prompt_logprobs"):
                    for entry in row["prompt_logprobs"][1:]:
                        for each in entry.values():
                            each["logprob"] = bad
                elif row.get("logprobs") is None:
                    row["message"]["content"] = ""
                elif "top_logprobs" in row["logprobs"]:
                    row["logprobs"]["top_logprobs"] = [
                        dict.fromkeys(each, bad) for each in row["logprobs"]["top_logprobs"]
                    ]
                else:
                    for entry in row["logprobs"]["content"][0]["top_logprobs"]:
                        entry["logprob"] = bad
        return reply

    def _call(self, path: str, body: bytes) -> Reply:
        try:
            try:
                asked = orjson.loads(body)
            except orjson.JSONDecodeError:
                message = "1 validation error:\n  {'type': 'json_invalid', 'loc': 'body.0', 'msg': 'JSON decode error'}"
                raise RefusalError(400, message, "Bad Request", "body.0") from None
            if asked.get("model", self.kind) not in (self.kind, "reference"):
                message = (
                    f"The model `{asked['model']}` does not exist. Valid aliases: {self.kind}."
                )
                raise RefusalError(
                    404, message, "NotFoundError", "model" if self.kind == "judge" else None
                )
            try:
                return 200, self.routes[path](asked)
            except (
                AttributeError,
                KeyError,
                TypeError,
                ValueError,
            ) as exc:  # a field that is missing, or of another type
                raise RefusalError(
                    400, f"1 validation error:\n  {type(exc).__name__}: {exc}", "Bad Request"
                ) from None
        except RefusalError as exc:
            return exc.status, exc.body

    def _tokenize(self, asked: dict[str, Any]) -> Any:
        if "messages" in asked:
            ids = chatml(asked["messages"], asked.get("add_generation_prompt", True))
        else:
            ids = tokenize(asked["prompt"])
            if self.kind == "nli" and asked.get("add_special_tokens", True):
                ids = [0, *ids, 0]
        return {
            "count": len(ids),
            "max_model_len": MAX_MODEL_LEN,
            "tokens": ids,
            "token_strs": None,
        }

    def _detokenize(self, asked: dict[str, Any]) -> Any:
        return {"prompt": detokenize(asked["tokens"])}


def _dumps(body: Any) -> bytes:
    """Return JSON; a NaN is written as such, as Python's own encoder does, and not as null."""
    return json.dumps(body).encode()


async def _reply(send: Any, status: int, body: Any, kind: bytes = b"application/json") -> None:
    raw = body if isinstance(body, bytes) else b"" if body is None else _dumps(body)
    headers = [(b"content-type", kind), (b"content-length", str(len(raw)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": raw})


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
