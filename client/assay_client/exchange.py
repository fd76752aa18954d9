"""The common part of both clients: requests and replies, and retries."""

from __future__ import annotations

import os
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from tenacity import RetryCallState, retry_if_exception_type, retry_if_result, stop_after_attempt

from .answers import plain
from .errors import AssayError, UnreachableError, error_of

HERE = "http://127.0.0.1:8080"
#: This machine's own names: a proxy is for other machines.
HERE_TOO = ("127.0.0.1", "localhost", "[::1]")
#: Statuses at which another try can help.
AGAIN = frozenset({429, 502, 503, 504})
Candidate = str | Mapping[str, str]
Query = str | Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Retrying:
    """The number of tries, and the waits: Retry-After's, or longer each time, with jitter."""

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
    """Return the last try's reply, or raise its error."""
    assert state.outcome is not None  # noqa: S101 - the tries have ended
    reply: httpx.Response = state.outcome.result()
    return reply


def rank_body(
    query: Query, candidates: Sequence[Candidate], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a request to rank: a query is a text, or a conversation."""
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


class Shared:
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


def parsed(reply: httpx.Response) -> Any:
    """Return the JSON of a reply; raise the `AssayError` that it means."""
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
