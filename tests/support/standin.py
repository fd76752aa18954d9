"""A fast stand-in for vLLM 0.32: replies, traps and errors as seen on the real server.

The contract suite (tests/test_contract.py) runs against this and against real vLLM, and is what
makes it trustworthy. Its scores follow from the token ids of the prompt alone, so a conversation
that is rendered, tokenized or ended in another way than the server's own template would do it gets
another score, as it would from a model.

    python -m tests.support.standin KIND [--port 0] [--latency-ms 0]

`POST /standin` sets a fault ({"fault": "hang", "latency_ms": 20}), `GET /standin` tells how often
each path was asked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import re
from collections import Counter
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import orjson
import uvicorn

KINDS = ("judge", "reward", "prm", "rerank", "tokens", "nli", "embed")
VERSION = "0.32.0"
MAX_MODEL_LEN = 8192
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<extra_0>", "Yes", "No"]
IM_START, IM_END, STEP, YES, NO = 1, 2, 3, 4, 5
TOKEN = re.compile("|".join(re.escape(word) for word in SPECIALS) + r"|[\s\S]")
FAULTS = ("", "hang", "hang_mid_body", "html", "garbage", "few_rows", "nan", "500", "503", "zero")

Reply = tuple[int, Any]


class RefusalError(Exception):
    """An error reply in vLLM's first shape."""

    def __init__(
        self, status: int, message: str, kind: str = "BadRequestError", param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": status}}


def tokenize(text: str) -> list[int]:
    """Return token ids: one for each special token, one for each byte of everything else."""
    ids: list[int] = []
    for found in TOKEN.finditer(text):
        word = found.group()
        ids += (
            [SPECIALS.index(word)] if word in SPECIALS else [100 + byte for byte in word.encode()]
        )
    return ids


def detokenize(ids: list[int]) -> str:
    """Return the text of token ids, special tokens included."""
    raw = b"".join(
        SPECIALS[each].encode() if each < len(SPECIALS) else bytes([each - 100]) for each in ids
    )
    return raw.decode("utf-8", "replace")


def chatml(messages: list[dict[str, str]], generation: bool) -> list[int]:
    """Return the token ids of a conversation in the ChatML template."""
    text = "".join(
        f"<|im_start|>{message['role']}\n{message['content']}<|im_end|>\n" for message in messages
    )
    return tokenize(text + ("<|im_start|>assistant\n" if generation else ""))


def uniform(ids: list[int], salt: str = "") -> float:
    """Return a number in (0, 1) that follows from token ids."""
    digest = blake2b(orjson.dumps(ids), digest_size=8, key=salt.encode()).digest()
    return (int.from_bytes(digest, "big") + 1) / (2**64 + 2)


def label_logprobs(ids: list[int]) -> dict[int, float]:
    """Return the logprobs of what may be a label, Yes and No before letters, digits and signs."""
    logprobs = {
        YES: -3 * uniform(ids, "yes") - 0.1,
        NO: -3 * uniform(ids, "no") - 0.1,
        IM_END: -6.0,
    }
    signs = (*range(65, 91), *range(49, 58), ord("+"), ord("-"))
    return logprobs | {100 + sign: -5 - 3 * uniform(ids, f"sign{sign}") for sign in signs}


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
        routes: dict[str, dict[str, Callable[[dict[str, Any]], Any]]] = {
            "judge": {
                "/v1/chat/completions": self._chat,
                "/v1/chat/completions/batch": self._chat_batch,
                "/v1/completions": self._completions,
                "/generative_scoring": self._generative_scoring,
            },
            "reward": {"/classify": self._classify},
            "prm": {"/pooling": self._pooling},
            "rerank": {"/score": self._score},
            "tokens": {"/pooling": self._pooling_tokens},
            "nli": {"/classify": self._classify_three},
            "embed": {"/v1/embeddings": self._embed},
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

    def _fits(self, ids: list[int]) -> list[int]:
        if len(ids) > MAX_MODEL_LEN:
            message = (
                f"This model's maximum context length is {MAX_MODEL_LEN} tokens. However, your prompt contains at least "
                f"{len(ids)} input tokens, which exceeds this limit even without any output tokens. Please reduce the "
                f"length of the input prompt. (parameter=input_tokens, value={len(ids)})"
            )
            raise RefusalError(400, message, param="input_tokens")
        return ids

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

    # generate servers
    # -----------------------------------------------------------------------------------------------

    def _chat(self, asked: dict[str, Any]) -> Any:
        return self._chat_batch({**asked, "messages": [asked.get("messages")]})

    def _chat_batch(self, asked: dict[str, Any]) -> Any:
        if not all(asked.get("messages") or [None]):
            raise RefusalError(400, "messages must not be empty")
        if asked.get("top_logprobs", 0) > 20:
            raise RefusalError(
                400,
                "Requested sample logprobs of 25, which is greater than max allowed: 20",
                param="top_logprobs",
            )
        prompts = [self._fits(chatml(messages, generation=True)) for messages in asked["messages"]]
        samples = asked.get("n", 1)
        choices = [
            self._choice(place, ids, asked)
            for place, ids in enumerate(each for each in prompts for _ in range(samples))
        ]
        return self._generated("chat.completion", choices, prompts)

    def _generated(self, kind: str, choices: list[dict[str, Any]], prompts: list[list[int]]) -> Any:
        total = sum(len(ids) for ids in prompts)
        usage = {
            "prompt_tokens": total,
            "total_tokens": total + len(choices),
            "completion_tokens": len(choices),
        }
        return {
            "id": "cmpl-0",
            "object": kind,
            "created": 0,
            "model": self.kind,
            "choices": choices,
            "usage": usage,
        }

    def _choice(self, place: int, ids: list[int], asked: dict[str, Any]) -> dict[str, Any]:
        if asked.get("max_tokens", 16) > 1:
            text = f"Let me see. It says {uniform(ids):.3f}.\nVerdict: {'Yes' if uniform(ids, f'verdict{place}') > 0.5 else 'No'}"
            written = text[: asked.get("max_tokens", 16)]
            finish = "stop" if written == text else "length"
            return {
                "index": place,
                "message": {"role": "assistant", "content": written},
                "logprobs": None,
                "finish_reason": finish,
            }
        logprobs = label_logprobs(ids)
        best = max(logprobs, key=logprobs.__getitem__)
        by_id = asked.get("logprob_token_ids")
        if by_id:
            listed = [best, *by_id]
        else:
            listed = sorted(logprobs, key=logprobs.__getitem__, reverse=True)[
                : asked.get("top_logprobs", 0)
            ]
        as_ids = asked.get("return_tokens_as_token_ids")

        def entry(token: int) -> dict[str, Any]:
            name = f"token_id:{token}" if as_ids else detokenize([token])
            return {
                "token": name,
                "logprob": logprobs.get(token, -30.0),
                "bytes": list(name.encode()),
            }

        position = {**entry(best), "top_logprobs": [entry(token) for token in listed]}
        message = {"role": "assistant", "content": detokenize([best])}
        logprobs_body = {"content": [position]} if asked.get("logprobs") else None
        return {
            "index": place,
            "message": message,
            "logprobs": logprobs_body,
            "finish_reason": "length",
        }

    def _completions(self, asked: dict[str, Any]) -> Any:
        given = asked["prompt"]
        listed_prompts = [given] if isinstance(given, str) or isinstance(given[0], int) else given
        prompts = [
            self._fits(tokenize(each) if isinstance(each, str) else each) for each in listed_prompts
        ]
        choices = []
        for place, ids in enumerate(prompts):
            choice: dict[str, Any] = {
                "index": place,
                "text": "x",
                "finish_reason": "length",
                "logprobs": None,
                "prompt_logprobs": None,
            }
            if asked.get("prompt_logprobs") is not None:
                logprobs = [
                    -5 * uniform(ids[: end + 1], str(asked.get("model"))) for end in range(len(ids))
                ]
                listed = [
                    {str(token): {"logprob": each, "rank": 1}}
                    for token, each in zip(ids, logprobs, strict=True)
                ]
                choice["prompt_logprobs"] = [None, *listed[1:]]
            if asked.get("logprobs"):
                top = sorted(label_logprobs(ids).items(), key=lambda item: -item[1])[
                    : asked["logprobs"]
                ]
                choice["logprobs"] = {
                    "top_logprobs": [{f"token_id:{token}": each for token, each in top}]
                }
            choices.append(choice)
        return self._generated("text_completion", choices, prompts)

    def _generative_scoring(self, asked: dict[str, Any]) -> Any:
        head, (yes, no) = tokenize(asked["query"]), asked["label_token_ids"]
        prompts = [self._fits([*head, *tokenize(item)]) for item in asked["items"]]
        rows = []
        for place, ids in enumerate(prompts):
            logprobs = label_logprobs(ids)
            rows.append(
                {
                    "index": place,
                    "object": "score",
                    "score": 1 / (1 + math.exp(logprobs[no] - logprobs[yes])),
                }
            )
        return self._pooled("generative-scoring", rows, prompts)

    # pooling servers
    # ------------------------------------------------------------------------------------------------

    def _inputs(self, asked: dict[str, Any]) -> list[list[int]]:
        if "messages" in asked:
            return [
                self._fits(chatml(asked["messages"], asked.get("add_generation_prompt", False)))
            ]
        given = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
        if not given or "" in given:
            raise RefusalError(400, "You must pass at least one prompt")
        read = [tokenize(each) if isinstance(each, str) else each for each in given]
        if asked.get("truncate_prompt_tokens") == -1:
            return [ids[-MAX_MODEL_LEN:] for ids in read]
        return [self._fits(ids) for ids in read]

    def _classify(self, asked: dict[str, Any]) -> Any:
        rows = []
        prompts = self._inputs(asked)
        for place, ids in enumerate(prompts):
            logit = 16 * uniform(ids) - 8
            value = logit if asked.get("use_activation") is False else 1 / (1 + math.exp(-logit))
            rows.append({"index": place, "label": "LABEL_0", "probs": [value], "num_classes": 1})
        return self._pooled("classify", rows, prompts)

    def _pooling(self, asked: dict[str, Any]) -> Any:
        rows = []
        prompts = self._inputs(asked)
        for place, ids in enumerate(prompts):
            ends = [position for position, token in enumerate(ids) if token == STEP]
            good = [uniform(ids[: end + 1], "step") for end in ends]
            rows.append(
                {
                    "index": place,
                    "object": "pooling",
                    "data": [[1 - value, value] for value in good],
                }
            )
        return self._pooled("pooling", rows, prompts)

    def _pooling_tokens(self, asked: dict[str, Any]) -> Any:
        prompts = self._inputs(asked)
        rows = []
        for place, ids in enumerate(prompts):
            data = [[16 * uniform(ids[: end + 1], "token") - 8] for end in range(len(ids))]
            if asked.get("use_activation") is not False:
                data = [[1 / (1 + math.exp(-each))] for [each] in data]
            rows.append({"index": place, "object": "pooling", "data": data})
        return self._pooled("pooling", rows, prompts)

    def _classify_three(self, asked: dict[str, Any]) -> Any:
        rows = []
        prompts = self._inputs(asked)
        for place, ids in enumerate(prompts):
            weights = [math.exp(4 * uniform(ids, f"class{each}")) for each in range(3)]
            probs = [each / sum(weights) for each in weights]
            rows.append({"index": place, "label": "LABEL_0", "probs": probs, "num_classes": 3})
        return self._pooled("classify", rows, prompts)

    def _embed(self, asked: dict[str, Any]) -> Any:
        prompts = self._inputs(asked)
        rows = [
            {
                "index": place,
                "object": "embedding",
                "embedding": [2 * uniform(ids, f"axis{axis}") - 1 for axis in range(8)],
            }
            for place, ids in enumerate(prompts)
        ]
        return self._pooled("embed", rows, prompts)

    def _score(self, asked: dict[str, Any]) -> Any:
        queries, documents = _listed(asked.get("text_1")), _listed(asked.get("text_2"))
        if len(queries) not in (1, len(documents)):
            raise RefusalError(400, "Input lengths must be either 1:1, 1:N or N:N")
        if "" in documents:
            raise RefusalError(400, "You must pass at least one prompt")
        queries = queries * len(documents) if len(queries) == 1 else queries
        prompts = [
            self._fits([*tokenize(query), 0, *tokenize(text)])
            for query, text in zip(queries, documents, strict=True)
        ]
        rows = []
        for place, ids in enumerate(prompts):
            logit = 16 * uniform(ids) - 8
            value = logit if asked.get("use_activation") is False else 1 / (1 + math.exp(-logit))
            rows.append({"index": place, "object": "score", "score": value})
        return self._pooled("score", rows, prompts)

    def _pooled(self, name: str, rows: list[Any], prompts: list[list[int]]) -> Any:
        total = sum(len(ids) for ids in prompts)
        usage = {"prompt_tokens": total, "total_tokens": total, "completion_tokens": 0}
        return {
            "id": f"{name}-0",
            "object": "list",
            "created": 0,
            "model": self.kind,
            "data": rows,
            "usage": usage,
        }


def _listed(texts: Any) -> list[str]:
    return [texts] if isinstance(texts, str) else list(texts)


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


def main() -> None:
    """Serve until a signal; print the port first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    args = parser.parse_args()
    config = uvicorn.Config(
        StandIn(args.kind, args.latency_ms),
        port=args.port,
        log_level="warning",
        lifespan="on",
        timeout_graceful_shutdown=1,
    )
    socket = config.bind_socket()
    print(socket.getsockname()[1], flush=True)
    uvicorn.Server(config).run(sockets=[socket])


if __name__ == "__main__":
    main()
