"""The common part of both clients: requests and replies."""

from __future__ import annotations

import copy
import os
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import httpx
import tenacity

from .answers import plain
from .errors import AnswerTimeoutError, AssayError, UnreachableError, UrlError, error_of
from .retrying import Retrying
from .run import RUN_HEADER, VERSION_HEADER, Run, run_of

HERE = "http://127.0.0.1:8080"
#: This machine's own names: a proxy is for other machines.
HERE_TOO = ("127.0.0.1", "localhost", "[::1]")
Candidate = str | Mapping[str, str]
Query = str | Sequence[Mapping[str, str]]


def rank_body(
    query: Query, candidates: Sequence[Candidate], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a request to rank: a query is a text, or a conversation.

    Raises `TypeError` for one text in the place of the candidates: its letters are none.
    """
    if isinstance(candidates, str):
        raise TypeError("candidates: a list of texts (got one text)")
    conversation = {"query": query} if isinstance(query, str) else {"messages": list(query)}
    return plain({**conversation, "candidates": list(candidates), **options})


def pairs_body(
    pairs: Iterable[tuple[Query, str] | Mapping[str, Any]], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a request to score pairs: query and candidate, or all fields of one."""
    return plain({"pairs": [_pair(pair) for pair in pairs], **options})


def _pair(pair: tuple[Query, str] | Mapping[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = (
        dict(pair) if isinstance(pair, Mapping) else {"query": pair[0], "candidate": pair[1]}
    )
    if not isinstance(body.get("query", ""), str):
        body["messages"] = list(body.pop("query"))
    return plain(body)


def labels_body(labels: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return labels to send: each by the `key` of a result, or by its query and candidate."""
    return {"labels": [_pair(label) for label in labels]}


def page_of(limit: int, after: str | None, history: bool) -> dict[str, Any]:
    """Return the parameters of one page of a listing."""
    return plain({"limit": limit, "after": after, "history": True if history else None})


SharedT = TypeVar("SharedT", bound="Shared")


class Shared(ABC):
    """The options of both clients; what `_http` is, each says."""

    _http: Any

    def __init__(
        self,
        url: str | None,
        api_key: str | None,
        timeout_s: float,
        retrying: Retrying | None,
        priority: str | None,
        *,
        run: str | Run | None,
        patience_s: float | None,
    ) -> None:
        self.url = base_url(url or os.environ.get("ASSAY_URL") or HERE)
        key = (api_key or os.environ.get("ASSAY_API_KEY") or "").strip()
        if not (key.isascii() and key.isprintable()):  # the HTTP library would show it
            raise AssayError("the API key holds a character that no key has")
        self.run = None if run is None else run_of(run)
        self.retrying = _patient(retrying or Retrying(), patience_s)
        self._timeout_s = timeout_s
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
        self._connect()

    def with_run(
        self: SharedT, run: str | Run | None = None, patience_s: float | None = None
    ) -> SharedT:
        """Return a client on the same connections, whose answers are of one version.

        `run`: a name, a `Run`, or None for a new one. `patience_s`: how long an outage may last,
        None for this client's own.
        """
        other = copy.copy(self)
        other.run, other.retrying = run_of(run), _patient(self.retrying, patience_s)
        return other

    def __getstate__(self) -> dict[str, Any]:
        """Return what pickle takes along: connections stay behind, the key goes along."""
        lives_here = ("_http", "_batches")
        return {key: value for key, value in vars(self).items() if key not in lives_here}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._connect()

    @abstractmethod
    def _connect(self) -> None:
        """Open the connections, blocking or asyncio."""

    def _headers(self) -> dict[str, str]:
        """Return a request's own headers: its id, the same in each try, and the run's name."""
        run = {} if self.run is None else {RUN_HEADER: self.run.name}
        return {"x-request-id": uuid.uuid4().hex, **run}

    def _read(self, reply: httpx.Response, body: Any) -> Any:
        """Return the JSON of the reply to a body; note its version for the run."""
        answer = parsed(reply)
        fields = answer if isinstance(answer, dict) else {}
        version = reply.headers.get(VERSION_HEADER) or fields.get("model_version")
        if self.run is not None and version is not None:
            asked = body if isinstance(body, dict) else {}
            task = fields.get("task") or asked.get("task") or asked.get("model") or "default"
            self.run.take(str(task), str(version))
        if self.run is not None:
            self.run.note(_warnings_of(fields, reply.headers))
        return answer

    def _of_run(self, event: tuple[str, Any]) -> tuple[str, Any]:
        """Return an event of a stream; note its ranking's version for the run."""
        if self.run is not None and event[0] == "ranking":
            self.run.take(event[1].task, event[1].model_version)
            self.run.note(event[1].warnings)
        return event

    def _last(self, exc: tenacity.RetryError, request_id: str) -> httpx.Response:
        """Return the reply to the last of all tries; raise `UnreachableError` without one."""
        outcome = exc.last_attempt
        if outcome.failed:
            error = outcome.exception()
            raise self._unreachable(error, request_id, outcome.attempt_number) from error
        reply: httpx.Response = outcome.result()
        return reply

    def _unreachable(
        self, exc: BaseException | None, request_id: str | None = None, tries: int = 1
    ) -> UnreachableError:
        often = f" ({tries} tries)" if tries > 1 else ""
        if isinstance(exc, httpx.TimeoutException):
            return AnswerTimeoutError(
                f"{self.url} does not answer: {type(exc).__name__} after"
                f" timeout_s={self._timeout_s:g}{often}",
                request_id=request_id,
            )
        return UnreachableError(
            f"{self.url} does not answer{often}: {type(exc).__name__}: {exc}",
            request_id=request_id,
        )


def _warnings_of(fields: Mapping[str, Any], headers: Mapping[str, str]) -> list[str]:
    """Return the warnings of an answer; of one whose form has none, those that its headers mark."""
    stated = fields.get("warnings")
    if isinstance(stated, list):
        return [warning for warning in stated if isinstance(warning, str)]
    marks = []
    if headers.get("x-assay-partial") == "true":
        marks.append("partial: a verifier failed")
    if (culprit := headers.get("x-assay-over-optimised")) is not None:
        marks.append(f"over_optimisation: the run seems to please the verifier {culprit} alone")
    return marks


def base_url(url: str) -> str:
    """Return a service's base URL without a slash at its end; raise `UrlError` for none."""
    base = url.strip().rstrip("/")
    if not base.startswith(("http://", "https://")):
        raise UrlError(f"the URL {url!r} has no scheme: write http://{base.rpartition('://')[2]}")
    if base.endswith("/v1"):
        raise UrlError(f"the URL {url!r} ends in /v1, which the client adds: write {base[:-3]}")
    return base


def _patient(retrying: Retrying, patience_s: float | None) -> Retrying:
    return retrying if patience_s is None else replace(retrying, patience_s=patience_s)


def parsed(reply: httpx.Response) -> Any:
    """Return the JSON of a reply; raise the `AssayError` that it means."""
    try:
        body = reply.json()
    except (ValueError, RecursionError):
        body = None
    request_id = reply.headers.get("x-request-id")
    if reply.status_code != 200:
        raise error_of(reply.status_code, body, str(reply.request.url), request_id)
    if body is None:
        raise AssayError(
            f"{reply.request.url} answered something that is no JSON",
            reply.status_code,
            request_id=request_id,
        )
    return body
