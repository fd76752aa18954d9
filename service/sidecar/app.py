"""`assay sidecar`: Transformers behind vLLM's `/classify`, for reward models with own heads.

It needs the extra `hf` (torch and transformers), and little else of Assay: it may run in an
environment of its own. Requests that wait together are scored together; one thread uses the model.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from assay.service.server.bounded_server import bounded
from assay.service.sidecar.model import Model, ModelChoice

SIDECAR_VERSION = "assay-sidecar 1"
MAX_BODY_BYTES = 32 << 20
PROMPTS_TIMEOUT_S = 30
MOST_WAITING = 4096


class SidecarError(Exception):
    """A request that cannot be answered, in vLLM's form of error."""

    def __init__(self, message: str, param: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        kind = {404: "NotFoundError", 503: "Service Unavailable"}.get(status, "BadRequestError")
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": status}}


@dataclass(slots=True)
class Waiting:
    """A text's token ids, and where its score is awaited."""

    ids: list[int]
    score: asyncio.Future[float]


class Batches:
    """Puts texts that wait together into one forward pass, like lengths beside each other."""

    def __init__(self, model: Model, batch_size: int, max_tokens: int) -> None:
        self._model, self._batch_size, self._max_tokens = model, batch_size, max_tokens
        self._queue: asyncio.Queue[Waiting] = asyncio.Queue(MOST_WAITING)

    async def score(self, prompts: Sequence[list[int]]) -> list[float]:
        """Return one score a prompt, in order; raise `SidecarError` when too many wait already."""
        if self._queue.qsize() + len(prompts) > MOST_WAITING:
            raise SidecarError("The server is busy and cannot accept new requests.", status=503)
        loop = asyncio.get_running_loop()
        waiting = [Waiting(ids, loop.create_future()) for ids in prompts]
        for entry in waiting:
            self._queue.put_nowait(entry)
        return list(await asyncio.gather(*(entry.score for entry in waiting)))

    async def run(self) -> None:
        """Score the waiting prompts, until cancelled."""
        while True:
            taken = [await self._queue.get()]
            while not self._queue.empty():
                taken.append(self._queue.get_nowait())
            wanted = sorted(
                (entry for entry in taken if not entry.score.cancelled()),
                key=lambda entry: len(entry.ids),
            )
            for batch in self.batches(wanted):
                await self._forward(batch)

    def batches(self, waiting: Sequence[Waiting]) -> list[list[Waiting]]:
        """Return batches of texts by length, within the bounds of texts and padded tokens."""
        batches: list[list[Waiting]] = []
        for entry in waiting:
            full = (
                not batches
                or len(batches[-1]) == self._batch_size
                or (len(batches[-1]) + 1) * len(entry.ids) > self._max_tokens
            )
            if full:
                batches.append([])
            batches[-1].append(entry)
        return batches

    async def _forward(self, batch: Sequence[Waiting]) -> None:
        try:
            scores = await asyncio.to_thread(self._model.score, [entry.ids for entry in batch])
        # any error of the model's own code is this batch's failure, and not the server's end
        except Exception as exc:
            for entry in batch:
                if not entry.score.done():
                    entry.score.set_exception(RuntimeError(f"{type(exc).__name__}: {exc}"))
            return
        for entry, score in zip(batch, scores, strict=True):
            if not entry.score.done():
                entry.score.set_result(score)


def serve_sidecar(
    choice: ModelChoice, served_name: str | None, host: str, port: int, batch_size: int
) -> None:
    """Load a model and serve it until a signal; raise `StartupError` if that cannot be."""
    uvicorn.run(
        create_sidecar(Model(choice), served_name or choice.name, batch_size),
        host=host,
        port=port,
        log_level="warning",
        **bounded(),
    )


def create_sidecar(
    model: Model, served_name: str, batch_size: int = 16, max_batch_tokens: int = 16_384
) -> FastAPI:
    """Return the server of one model."""
    batches = Batches(model, batch_size, max_batch_tokens)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        running = asyncio.create_task(batches.run())
        yield
        running.cancel()

    app = FastAPI(title="Assay sidecar", lifespan=lifespan)

    @app.exception_handler(SidecarError)
    async def refused(request: Request, exc: SidecarError) -> JSONResponse:
        return JSONResponse(exc.body, exc.status)

    @app.exception_handler(RuntimeError)
    async def failed(request: Request, exc: RuntimeError) -> JSONResponse:
        return JSONResponse(
            {
                "error": {
                    "message": str(exc)[:500],
                    "type": "InternalServerError",
                    "param": None,
                    "code": 500,
                }
            },
            500,
        )

    @app.get("/health")
    async def health() -> None:
        return None

    @app.get("/version")
    async def version() -> dict[str, str]:
        return {"version": SIDECAR_VERSION}

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        entry = {
            "id": served_name,
            "object": "model",
            "owned_by": "assay",
            "root": model.name,
            "max_model_len": model.max_tokens,
        }
        return {"object": "list", "data": [entry]}

    @app.post("/tokenize")
    async def tokenize(request: Request) -> dict[str, Any]:
        body = await _body(request, served_name)
        ids = (
            model.ids_of_chat(body["messages"], bool(body.get("add_generation_prompt", True)))
            if "messages" in body
            else (
                model.ids(str(body.get("prompt", "")), bool(body.get("add_special_tokens", True)))
            )
        )
        return {"count": len(ids), "max_model_len": model.max_tokens, "tokens": ids}

    @app.post("/detokenize")
    async def detokenize(request: Request) -> dict[str, str]:
        return {"prompt": model.text((await _body(request, served_name))["tokens"])}

    @app.post("/classify")
    async def classify(request: Request) -> dict[str, Any]:
        body = await _body(request, served_name)
        prompts = [_fits(model, ids) for ids in _prompts(model, body)]
        scores = await batches.score(prompts)
        if body.get("use_activation") is not False:
            scores = [model.activated(score) for score in scores]
        rows = [
            {"index": place, "label": "LABEL_0", "probs": [score], "num_classes": 1}
            for place, score in enumerate(scores)
        ]
        total = sum(map(len, prompts))
        usage = {"prompt_tokens": total, "total_tokens": total, "completion_tokens": 0}
        return {
            "id": "classify-0",
            "object": "list",
            "created": 0,
            "model": served_name,
            "data": rows,
            "usage": usage,
        }

    return app


async def _sent(request: Request) -> bytearray:
    """Return a request's body, bounded in size and time; raise `SidecarError`."""
    sent = bytearray()
    try:
        async with asyncio.timeout(PROMPTS_TIMEOUT_S):
            async for piece in request.stream():
                if len(sent) + len(piece) > MAX_BODY_BYTES:
                    raise SidecarError(
                        f"the body has more than the {MAX_BODY_BYTES} bytes that a request may"
                        " have",
                        "body",
                        413,
                    )
                sent += piece
    except TimeoutError:
        raise SidecarError(
            f"the body did not come within {PROMPTS_TIMEOUT_S} s", "body", 408
        ) from None
    return sent


async def _body(request: Request, served_name: str) -> dict[str, Any]:
    try:
        body = json.loads(await _sent(request))
    except (ValueError, RecursionError):
        raise SidecarError("1 validation error: the body is no JSON", "body") from None
    if not isinstance(body, dict):
        raise SidecarError("1 validation error: the body is no object", "body")
    if body.get("model", served_name) != served_name:
        message = f"The model `{body['model']}` does not exist. Valid aliases: {served_name}."
        raise SidecarError(message, "model", 404)
    return body


def _prompts(model: Model, body: dict[str, Any]) -> list[list[int]]:
    if "messages" in body:
        return [model.ids_of_chat(body["messages"], bool(body.get("add_generation_prompt", False)))]
    texts_or_tokens = body.get("input")
    single = isinstance(texts_or_tokens, str) or (
        isinstance(texts_or_tokens, list) and all(isinstance(text, int) for text in texts_or_tokens)
    )
    texts: list[Any] = [texts_or_tokens] if single else list(texts_or_tokens or [])
    if not texts or not all(texts):
        raise SidecarError("You must pass at least one prompt", "input")
    special = bool(body.get("add_special_tokens", True))
    return [
        model.ids(text, special) if isinstance(text, str) else [int(token) for token in text]
        for text in texts
    ]


def _fits(model: Model, ids: list[int]) -> list[int]:
    if len(ids) > model.max_tokens:
        limit = f"This model's maximum context length is {model.max_tokens} tokens"
        message = f"{limit}. However, your prompt contains {len(ids)} input tokens."
        raise SidecarError(message, "input_tokens")
    return ids
