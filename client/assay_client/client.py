"""Calls a running Assay, blocking or asynchronous, and tries again where that helps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Literal

import httpx
import tenacity

from .answers import Ranking, Scores, ranking_of, scores_of
from .batch import Batch
from .events import Events
from .exchange import (
    Candidate,
    Query,
    Shared,
    pairs_body,
    parsed,
    rank_body,
)
from .label_calls import AsyncLabelCalls, LabelCalls
from .retrying import Retrying
from .run import Run


class Client(LabelCalls, Shared):
    """A blocking client; one can be used from many threads, and pickled.

    `url` and `api_key` default to ASSAY_URL and ASSAY_API_KEY. `timeout_s` is for one try;
    `patience_s` says how long an outage may last before an error (None: `retrying.tries` tries).
    `run`: the name of a training run, whose answers are all of one version, or an error.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        timeout_s: float = 120.0,
        retrying: Retrying | None = None,
        priority: Literal["interactive", "bulk"] | None = None,
        *,
        run: str | Run | None = None,
        patience_s: float | None = None,
    ) -> None:
        super().__init__(
            url, api_key, timeout_s, retrying, priority, run=run, patience_s=patience_s
        )

    def _connect(self) -> None:
        self._http = httpx.Client(**self._options)

    def rank(self, query: Query, candidates: Sequence[Candidate], **options: Any) -> Ranking:
        """Return the candidates best first.

        `options`: those of POST /v1/rank, such as task, explain, reference, deadline_ms.
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

    def stream(
        self, query: Query, candidates: Sequence[Candidate], **options: Any
    ) -> Iterator[tuple[str, Any]]:
        """Yield ("verifier", its scores) as each finishes, then ("ranking", a `Ranking`)."""
        body = {**rank_body(query, candidates, options), "stream": True}
        headers = self._headers()
        try:
            with self._http.stream("POST", "/v1/rank", json=body, headers=headers) as reply:
                if reply.status_code != 200:
                    reply.read()
                    parsed(reply)
                events = Events()
                for chunk in reply.iter_bytes():
                    yield from map(self._of_run, events.add(chunk))
                events.end()
        except httpx.HTTPError as exc:
            raise self._unreachable(exc, headers["x-request-id"]) from exc

    def post(self, path: str, body: Any) -> Any:
        """Return the parsed answer to a request.

        Raises an `AssayError` when all tries have failed.
        """
        headers = self._headers()
        try:
            tries = tenacity.Retrying(**self.retrying.policy())
            reply = tries(self._http.post, path, json=body, headers=headers)
        except tenacity.RetryError as exc:
            reply = self._last(exc, headers["x-request-id"])
        return self._read(reply, body)

    def get(self, path: str, parameters: Mapping[str, Any]) -> Any:
        """Return the parsed answer to a GET.

        Raises an `AssayError` when all tries have failed.
        """
        try:
            tries = tenacity.Retrying(**self.retrying.policy())
            return parsed(tries(self._http.get, path, params=parameters))
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


class AsyncClient(AsyncLabelCalls, Shared):
    """An asynchronous client; concurrent `score` calls of lone pairs are sent together.

    Its options are those of `Client`.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        timeout_s: float = 120.0,
        retrying: Retrying | None = None,
        priority: Literal["interactive", "bulk"] | None = None,
        *,
        run: str | Run | None = None,
        patience_s: float | None = None,
    ) -> None:
        super().__init__(
            url, api_key, timeout_s, retrying, priority, run=run, patience_s=patience_s
        )

    def _connect(self) -> None:
        self._http = httpx.AsyncClient(**self._options)
        self._batches: dict[tuple[str, str], Batch] = {}

    def with_run(
        self, run: str | Run | None = None, patience_s: float | None = None
    ) -> AsyncClient:
        """Return a client on the same connections, as `Client.with_run` does."""
        other = super().with_run(run, patience_s)
        other._batches = {}
        return other

    async def rank(self, query: Query, candidates: Sequence[Candidate], **options: Any) -> Ranking:
        """Return the candidates best first.

        `options`: those of POST /v1/rank, such as task, explain, reference, deadline_ms.
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

    async def score(
        self,
        query: Query,
        candidate: str,
        task: str = "default",
        uncalibrated: Literal["null", "number"] = "null",
    ) -> float | None:
        """Return the probability of one pair, None if there is none.

        That is until the task is calibrated or states a base rate (`uncalibrated="number"`: a
        number that only orders), and where no verifier could score the pair. Concurrent calls
        share a request.
        """
        key = (task, uncalibrated)
        batch = self._batches.get(key)
        if batch is None:
            ask = partial(self.score_pairs, task=task, uncalibrated=uncalibrated)
            batch = self._batches[key] = Batch(ask)
        return await batch.add(query, candidate)

    async def stream(
        self, query: Query, candidates: Sequence[Candidate], **options: Any
    ) -> AsyncIterator[tuple[str, Any]]:
        """Yield ("verifier", its scores) as each finishes, then ("ranking", a `Ranking`)."""
        body = {**rank_body(query, candidates, options), "stream": True}
        headers = self._headers()
        try:
            async with self._http.stream("POST", "/v1/rank", json=body, headers=headers) as reply:
                if reply.status_code != 200:
                    await reply.aread()
                    parsed(reply)
                events = Events()
                async for chunk in reply.aiter_bytes():
                    for event in events.add(chunk):
                        yield self._of_run(event)
                events.end()
        except httpx.HTTPError as exc:
            raise self._unreachable(exc, headers["x-request-id"]) from exc

    async def post(self, path: str, body: Any) -> Any:
        """Return the parsed answer to a request.

        Raises an `AssayError` when all tries have failed.
        """
        headers = self._headers()
        try:
            tries = tenacity.AsyncRetrying(**self.retrying.policy())
            reply: httpx.Response = await tries(self._http.post, path, json=body, headers=headers)
        except tenacity.RetryError as exc:
            reply = self._last(exc, headers["x-request-id"])
        return self._read(reply, body)

    async def get(self, path: str, parameters: Mapping[str, Any]) -> Any:
        """Return the parsed answer to a GET.

        Raises an `AssayError` when all tries have failed.
        """
        try:
            tries = tenacity.AsyncRetrying(**self.retrying.policy())
            return parsed(await tries(self._http.get, path, params=parameters))
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
