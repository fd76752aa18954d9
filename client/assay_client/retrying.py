"""How often, and how long, a request is tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import httpx
from tenacity import RetryCallState

#: Statuses at which another try can help.
AGAIN = frozenset({429, 502, 503, 504})
#: Here `no_verifier` with a time to come again means that verifiers failed; at the other doors also
#: that none applies.
OWN_PATHS = ("/v1/rank", "/v1/score_pairs")


@dataclass(frozen=True)
class Retrying:
    """The number of tries, and the waits: Retry-After's, or longer each time, with jitter.

    `patience_s`: how long the tries go on, in seconds from the first one's beginning, however many
    they are; None: `tries` of them.
    """

    tries: int = 4
    first_wait_s: float = 0.5
    longest_wait_s: float = 20.0
    patience_s: float | None = None

    def policy(self) -> dict[str, Any]:
        """Return it as tenacity takes it, for `Retrying` and `AsyncRetrying` alike."""
        return {"stop": self._ended, "wait": self._wait_after, "retry": _may_pass}

    def _ended(self, state: RetryCallState) -> bool:
        if self.patience_s is None or _none_applies(state):
            return state.attempt_number >= self.tries
        return (state.seconds_since_start or 0.0) >= self.patience_s

    def _wait_after(self, state: RetryCallState) -> float:
        reply = _reply(state)
        retry_after = None if reply is None else reply.headers.get("retry-after")
        wait = self._wait_s(state.attempt_number - 1, retry_after)
        if self.patience_s is None:
            return wait
        return min(wait, max(0.0, self.patience_s - (state.seconds_since_start or 0.0)))

    def _wait_s(self, tried: int, retry_after: str | None) -> float:
        wait: float
        if retry_after is not None and retry_after.replace(".", "", 1).isdigit():
            wait = min(float(retry_after), self.longest_wait_s) * random.uniform(1.0, 1.25)  # noqa: S311 - a spread, no secret
        else:
            longest = self.first_wait_s * 2 ** min(tried, 30)
            wait = min(longest, self.longest_wait_s) * random.uniform(0.5, 1.0)  # noqa: S311 - likewise
        return wait


def _reply(state: RetryCallState) -> httpx.Response | None:
    """Return the reply to a try; None if there was none."""
    assert state.outcome is not None  # noqa: S101 - a try has ended
    return None if state.outcome.failed else state.outcome.result()


def _may_pass(state: RetryCallState) -> bool:
    assert state.outcome is not None  # noqa: S101 - a try has ended
    if state.outcome.failed:
        return isinstance(state.outcome.exception(), httpx.RequestError)
    return state.outcome.result().status_code in AGAIN and not _all_answered(state)


def _none_applies(state: RetryCallState) -> bool:
    """Return whether a door answered that it has no score, which no patience mends."""
    reply = _reply(state)
    return (
        reply is not None
        and reply.status_code == 503
        and b'"no_verifier"' in reply.content
        and not reply.request.url.path.endswith(OWN_PATHS)
    )


def _all_answered(state: RetryCallState) -> bool:
    """Return whether the verifiers answered, and had no score: the service is not away.

    It names no time to come again then, as it does where a verifier failed.
    """
    reply = _reply(state)
    return (
        reply is not None
        and reply.status_code == 503
        and b'"no_verifier"' in reply.content
        and reply.request.url.path.endswith(OWN_PATHS)
        and "retry-after" not in reply.headers
    )
