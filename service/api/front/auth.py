"""The rights of callers: keys, stored as hashes, with scopes and tasks."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

import limits

from assay.service.config.keys import KeySettings
from assay.service.domain.principal import SCOPES, Principal, Scope

KEY_PREFIX = "assay-"


class KeyRing:
    """The keys that a service knows; without any, every caller may do everything."""

    def __init__(self, plain: Iterable[str], hashed: Iterable[KeySettings]) -> None:
        holders = [
            (sha256(key.encode()).hexdigest(), Principal("api_keys", frozenset(SCOPES)))
            for key in plain
        ]
        holders += [(key.sha256, _holder(key)) for key in hashed]
        self._known = [(digest.encode(), holder) for digest, holder in holders]

    def __bool__(self) -> bool:
        """Return whether the ring has keys."""
        return bool(self._known)

    def holder(self, authorization: bytes) -> Principal | None:
        """Return the sender of a header.

        The function compares every key in constant time, so that its time reveals nothing.
        """
        scheme, _, key = authorization.partition(b" ")
        digest = sha256(key.strip()).hexdigest().encode()
        matches = [
            holder
            for known_digest, holder in self._known
            if hmac.compare_digest(digest, known_digest)
        ]
        return matches[0] if matches and scheme.lower() == b"bearer" else None


def needed(method: str, path: str, scores: bool) -> Scope:
    """Return the scope that a request needs; a path without a rule needs `admin`."""
    parts = path.strip("/").split("/")
    if (scores and method == "POST") or (
        method == "GET" and (path in ("/v1/models", "/v1/tasks") or _is_task(parts))
    ):
        return "rank"
    if lists_runs(method, path):
        return "rank"
    if parts[:2] == ["v1", "tasks"] and (
        (method, parts[3:])
        in (("POST", ["labels"]), ("POST", ["labels", "withdraw"]), ("GET", ["to-label"]))
        or (method == "DELETE" and parts[3:4] == ["labels"] and len(parts) == 5)
    ):
        return "label"
    return "admin"


def lists_runs(method: str, path: str) -> bool:
    """Return whether a request lists runs: a key that ranks sees its own, an administrator all."""
    parts = path.strip("/").split("/")
    return method == "GET" and _is_task(parts[:3]) and parts[3:] == ["runs"]


def new_key(
    name: str, scopes: Sequence[Scope], tasks: Sequence[str] | None, **more: Any
) -> tuple[str, KeySettings]:
    """Return a key of 256 random bits, and its entry for the configuration.

    `more` are further fields of the entry.
    """
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    digest = sha256(key.encode()).hexdigest()
    tasks = None if tasks is None else tuple(tasks)
    return key, KeySettings(name=name, sha256=digest, scopes=tuple(scopes), tasks=tasks, **more)


def _holder(key: KeySettings) -> Principal:
    return Principal(
        name=key.name,
        scopes=frozenset(key.scopes),
        tasks=None if key.tasks is None else frozenset(key.tasks),
        requests=None if key.requests is None else limits.parse(key.requests),
        cost=None if key.cost is None else limits.parse(key.cost),
        bulk=key.priority == "bulk",
        teaches=key.learn,
    )


def _is_task(parts: Sequence[str]) -> bool:
    return len(parts) == 3 and list(parts[:2]) == ["v1", "tasks"]
