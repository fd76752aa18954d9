"""Asking a running Assay: blocking, or asynchronous; tries again where that can help, and no
longer than it may.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

import httpx
import tenacity
from tenacity import (
    RetryCallState,
    retry_if_exception_type,
    retry_if_result,
    stop_after_attempt,
)

from .answers import Ranking, Scores, object_of, plain, ranking_of, scores_of
from .errors import AssayError, UnreachableError, error_in_stream, error_of

HERE = "http://127.0.0.1:8080"
#: This machine's own names: a proxy is for what lies beyond it.
HERE_TOO = ("127.0.0.1", "localhost", "[::1]")
#: Statuses at which another try can help.
AGAIN = frozenset({429, 502, 503, 504})
Candidate = str | Mapping[str, str]
Query = str | Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Retrying:
    """How often to try, and how long to wait: what Retry-After says, else longer each time, with
    jitter.
    """

    tries: int = 4
    first_wait_s: float = 0.5
    longest_wait_s: float = 20.0

    def policy(self) -> dict[str, Any]:
        """Return it as tenacity takes it, for `Retrying` and `AsyncRetrying` alike."""
        return {
            "stop": stop_after_attempt(self.tries),
            "wait": self._wait_after,
            "retry": retry_if_exception_type(httpx.RequestError) | retry_if_result(_may_pass),
            "retry_error_callback": _last_reply,
        }

    def _wait_after(self, state: RetryCallState) -> float:
        assert state.outcome is not None  # noqa: S101 - a try has ended
        reply = None if state.outcome.failed else state.outcome.result()
        retry_after = None if reply is None else reply.headers.get("retry-after")
        return self._wait_s(state.attempt_number - 1, retry_after)

    def _wait_s(self, tried: int, retry_after: str | None) -> float:
        wait: float
        if retry_after is not None and retry_after.replace(".", "", 1).isdigit():
            wait = min(float(retry_after), self.longest_wait_s) * random.uniform(1.0, 1.25)  # noqa: S311 - a spread, no secret
        else:
            wait = min(self.first_wait_s * 2**tried, self.longest_wait_s) * random.uniform(0.5, 1.0)  # noqa: S311 - likewise
        return wait


def _may_pass(reply: httpx.Response) -> bool:
    return reply.status_code in AGAIN


def _last_reply(state: RetryCallState) -> httpx.Response:
    """Return what the last try brought; raise if it brought nothing."""
    assert state.outcome is not None  # noqa: S101 - the tries have ended
    reply: httpx.Response = state.outcome.result()
    return reply


def rank_body(
    query: Query, candidates: Sequence[Candidate], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a request to rank: a query is a text, or a conversation."""
    asked = {"query": query} if isinstance(query, str) else {"messages": list(query)}
    return plain({**asked, "candidates": list(candidates), **options})


def pairs_body(
    pairs: Iterable[tuple[Query, str] | Mapping[str, Any]], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a request to score pairs: each of a query and a candidate, or all fields of one
    (with a `reference`, `tests`).
    """
    return plain({"pairs": [_pair(pair) for pair in pairs], **options})


def _pair(pair: tuple[Query, str] | Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = (
        dict(pair) if isinstance(pair, Mapping) else {"query": pair[0], "candidate": pair[1]}
    )
    if not isinstance(said.get("query", ""), str):
        said["messages"] = list(said.pop("query"))
    return plain(said)


def labels_body(labels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return labels to send: each by the `key` of a result, or by its query and candidate."""
    return {"labels": [_pair(label) for label in labels]}


class _Shared:
    """The options of both clients."""

    def __init__(
        self,
        url: str | None,
        api_key: str | None,
        timeout_s: float,
        retrying: Retrying | None,
        priority: str | None,
    ) -> None:
        self.url = (url or os.environ.get("ASSAY_URL") or HERE).rstrip("/")
        key = (api_key or os.environ.get("ASSAY_API_KEY") or "").strip()
        if not (key.isascii() and key.isprintable()):  # the HTTP library would show it
            raise AssayError("the API key holds a character that no key has")
        self.retrying = retrying or Retrying()
        self._options: dict[str, Any] = {
            "base_url": self.url,
            "follow_redirects": False,  # the key would go along, wherever they lead
            "mounts": {
                f"all://{host}": None for host in HERE_TOO
            },  # the environment's proxy would be shown it
            "timeout": httpx.Timeout(timeout_s, connect=min(10.0, timeout_s)),
            "headers": ({"Authorization": f"Bearer {key}"} if key else {})
            | ({"X-Assay-Priority": priority} if priority else {}),
        }

    def _unreachable(self, exc: Exception) -> UnreachableError:
        return UnreachableError(f"{self.url} does not answer: {type(exc).__name__}: {exc}")


def _parsed(reply: httpx.Response) -> Any:
    try:
        body = reply.json()
    except (ValueError, RecursionError):
        body = None
    if reply.status_code != 200:
        raise error_of(reply.status_code, body)
    if body is None:
        raise AssayError(
            f"{reply.request.url} answered something that is no JSON", reply.status_code
        )
    return body


class _Events:
    """Server-sent events, put together from their lines."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._ranked = False

    def add(self, line: str) -> tuple[str, Any] | None:
        """Return an event when its last line has come: a `Ranking`, or what a verifier says."""
        if line:
            self._lines.append(line)
            return None
        lines, self._lines = self._lines, []
        if not lines:
            return None
        name = next((line[7:] for line in lines if line.startswith("event: ")), "message")
        try:
            data = json.loads("".join(line[6:] for line in lines if line.startswith("data: ")))
            if name == "ranking":
                data = ranking_of(data)
        except (ValueError, RecursionError) as exc:
            raise AssayError(f"an event of the stream is not an Assay's: {exc}", 200) from exc
        if name == "error":
            raise error_in_stream(data)
        self._ranked |= name == "ranking"
        return name, data

    def end(self) -> None:
        """Raise if the stream ended before its ranking: its earlier events are not an answer."""
        if not self._ranked:
            raise AssayError("the stream ended before the ranking", 200)


class Client(_Shared):
    """A blocking client; one can be used from many threads.

    `url` and `api_key` default to ASSAY_URL and ASSAY_API_KEY.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        timeout_s: float = 120.0,
        retrying: Retrying | None = None,
        priority: Literal["interactive", "bulk"] | None = None,
    ) -> None:
        super().__init__(url, api_key, timeout_s, retrying, priority)
        self._http = httpx.Client(**self._options)

    def rank(self, query: Query, candidates: Sequence[Candidate], **options: Any) -> Ranking:
        """Return the candidates best first. `options`: those of POST /v1/rank, such as task,
        explain, reference, deadline_ms.
        """
        return ranking_of(
            self.post("/v1/rank", rank_body(query, candidates, options)), len(candidates)
        )

    def score_pairs(
        self, pairs: Iterable[tuple[Query, str] | Mapping[str, Any]], **options: Any
    ) -> Scores:
        """Return each pair's score, one by one, in order."""
        body = pairs_body(pairs, options)
        return scores_of(self.post("/v1/score_pairs", body), len(body["pairs"]))

    def label(self, task: str, labels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Send labels: {"key" of a result, "correct": true}; answered when they are on disk.

        Instead of the key: the query (a text, or a conversation), candidate, and the reference or
        tests that were sent with it. "random": true states that the candidate was drawn at random
        to be labelled: half of the labels must, to calibrate.
        """
        return object_of(self.post(f"/v1/tasks/{task}/labels", labels_body(labels)))

    def stream(
        self, query: Query, candidates: Sequence[Candidate], **options: Any
    ) -> Iterator[tuple[str, Any]]:
        """Yield ("verifier", what it says) as each has scored, then ("ranking", a `Ranking`)."""
        body = {**rank_body(query, candidates, options), "stream": True}
        try:
            with self._http.stream("POST", "/v1/rank", json=body) as reply:
                if reply.status_code != 200:
                    reply.read()
                    _parsed(reply)
                events = _Events()
                for line in reply.iter_lines():
                    if (event := events.add(line)) is not None:
                        yield event
                events.end()
        except httpx.HTTPError as exc:
            raise self._unreachable(exc) from exc

    def post(self, path: str, body: Any) -> Any:
        """Return the parsed answer to a request; raise an `AssayError` when all tries have
        failed.
        """
        try:
            tries = tenacity.Retrying(**self.retrying.policy())
            return _parsed(tries(self._http.post, path, json=body))
        except httpx.RequestError as exc:
            raise self._unreachable(exc) from exc

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncClient(_Shared):
    """An asynchronous client; concurrent `score` calls of lone pairs are sent together."""

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        timeout_s: float = 120.0,
        retrying: Retrying | None = None,
        priority: Literal["interactive", "bulk"] | None = None,
    ) -> None:
        super().__init__(url, api_key, timeout_s, retrying, priority)
        self._http = httpx.AsyncClient(**self._options)
        self._batches: dict[str, Batch] = {}

    async def rank(self, query: Query, candidates: Sequence[Candidate], **options: Any) -> Ranking:
        """Return the candidates best first. `options`: those of POST /v1/rank, such as task,
        explain, reference, deadline_ms.
        """
        return ranking_of(
            await self.post("/v1/rank", rank_body(query, candidates, options)), len(candidates)
        )

    async def score_pairs(
        self, pairs: Iterable[tuple[Query, str] | Mapping[str, Any]], **options: Any
    ) -> Scores:
        """Return each pair's score, one by one, in order."""
        body = pairs_body(pairs, options)
        return scores_of(await self.post("/v1/score_pairs", body), len(body["pairs"]))

    async def score(self, query: Query, candidate: str, task: str = "default") -> float | None:
        """Return the probability of one pair, None if no verifier could score it; concurrent calls
        share a request.
        """
        batch = self._batches.get(task)
        if batch is None:
            batch = self._batches[task] = Batch(self, task)
        return await batch.add(query, candidate)

    async def label(self, task: str, labels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Send labels, as `Client.label` does."""
        return object_of(await self.post(f"/v1/tasks/{task}/labels", labels_body(labels)))

    async def stream(
        self, query: Query, candidates: Sequence[Candidate], **options: Any
    ) -> AsyncIterator[tuple[str, Any]]:
        """Yield ("verifier", what it says) as each has scored, then ("ranking", a `Ranking`)."""
        body = {**rank_body(query, candidates, options), "stream": True}
        try:
            async with self._http.stream("POST", "/v1/rank", json=body) as reply:
                if reply.status_code != 200:
                    await reply.aread()
                    _parsed(reply)
                events = _Events()
                async for line in reply.aiter_lines():
                    if (event := events.add(line)) is not None:
                        yield event
                events.end()
        except httpx.HTTPError as exc:
            raise self._unreachable(exc) from exc

    async def post(self, path: str, body: Any) -> Any:
        """Return the parsed answer to a request; raise an `AssayError` when all tries have
        failed.
        """
        try:
            tries = tenacity.AsyncRetrying(**self.retrying.policy())
            return _parsed(await tries(self._http.post, path, json=body))
        except httpx.RequestError as exc:
            raise self._unreachable(exc) from exc

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


class Batch:
    """Pairs of one task that came at the same moment, sent as one request."""

    MOST, WAIT_S = 256, 0.002

    def __init__(self, client: AsyncClient, task: str) -> None:
        self._client, self._task = client, task
        self._waiting: list[tuple[Query, str, asyncio.Future[float | None]]] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def add(self, query: Query, candidate: str) -> float | None:
        """Return a pair's probability."""
        future: asyncio.Future[float | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((query, candidate, future))
        if len(self._waiting) == 1:
            self._start(asyncio.sleep(self.WAIT_S))
        elif len(self._waiting) == self.MOST:
            self._start(asyncio.sleep(0))
        return await future

    def _start(self, wait: Any) -> None:
        task = asyncio.create_task(self._send(wait))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, wait: Any) -> None:
        await wait
        taken, self._waiting = self._waiting[: self.MOST], self._waiting[self.MOST :]
        if not taken:
            return
        try:
            found = await self._client.score_pairs(
                [(query, candidate) for query, candidate, _ in taken], task=self._task
            )
        except AssayError as exc:
            for _, _, future in taken:
                if not future.done():
                    future.set_exception(exc)
            return
        for (_, _, future), result in zip(taken, found.results, strict=True):
            if not future.done():
                future.set_result(result.probability)
