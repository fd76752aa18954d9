"""Who may do what: keys, kept as hashes, with scopes and the tasks that they are for."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, Literal

import limits
from pydantic import BaseModel, ConfigDict, Field, field_validator

from assay.verifiers import Priority
from assay.verifiers.contract.settings import Name

Scope = Literal["rank", "label", "admin"]
SCOPES: tuple[Scope, ...] = ("rank", "label", "admin")
PREFIX = "assay-"


class KeySettings(BaseModel):
    """A key that clients may send: its hash, what it is for, and for which tasks. `assay key
    NAME` makes one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name = Field(description="What the log calls it.")
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] = Field(
        description="SHA-256 of the key, in hexadecimal."
    )
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)] = Field(
        ("rank",),
        description=(
            "rank: score, and see what is served; label: label as well as draw what to label;"
            " admin: all else."
        ),
    )
    tasks: tuple[Name, ...] | None = Field(
        None, description="The tasks that it is for; default: all. Others are not there."
    )
    requests: str | None = Field(
        None, description="Requests that it may make, such as 600/minute; default: any number."
    )
    cost: str | None = Field(
        None,
        description=(
            "Cost that it may cause, such as 1000/day, in the verifiers' units; default: any."
        ),
    )
    priority: Priority = Field(
        "interactive",
        description="`bulk` waits where interactive requests do; see X-Assay-Priority.",
    )

    @field_validator("requests", "cost")
    @classmethod
    def _is_a_limit(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                limits.parse(value)
            except ValueError:
                raise ValueError(
                    "must be a number of a time: 600/minute, 20 per 10 seconds, 1000/day"
                ) from None
        return value


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, as far as rights go."""

    name: str
    scopes: frozenset[str]
    tasks: frozenset[str] | None = None
    requests: limits.RateLimitItem | None = None
    cost: limits.RateLimitItem | None = None
    bulk: bool = False

    @property
    def limited(self) -> bool:
        """Return whether what it asks is counted."""
        return self.requests is not None or self.cost is not None

    def lacks(self, scope: Scope, path: str) -> str | None:
        """Return what is lacking for a request; None where nothing is. What is not of one task
        needs a key of all.
        """
        if scope not in self.scopes:
            return (
                f"this needs a key with the scope `{scope}`; yours has:"
                f" {', '.join(sorted(self.scopes))}"
            )
        if scope == "admin" and self.tasks is not None and not path.startswith("/v1/tasks/"):
            return "this is of all tasks: it needs a key that is not for some of them only"
        return None


EVERYTHING = Principal("", frozenset(SCOPES))
_ASKING: ContextVar[Principal] = ContextVar("asking", default=EVERYTHING)
#: What the request's calls cost: a list, since they may run in tasks of their own.
_SPENT: ContextVar[list[float] | None] = ContextVar("spent", default=None)


class KeyRing:
    """The keys that a service knows; without any, everybody may do everything."""

    def __init__(self, plain: Iterable[str], hashed: Iterable[KeySettings]) -> None:
        known = [
            (sha256(key.encode()).hexdigest(), Principal("api_keys", frozenset(SCOPES)))
            for key in plain
        ]
        known += [(key.sha256, _holder(key)) for key in hashed]
        self._known = [(digest.encode(), holder) for digest, holder in known]

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self._known)

    def holder(self, authorization: bytes) -> Principal | None:
        """Return who sent a header; every key is compared, each in constant time, so that time
        tells nothing.
        """
        scheme, _, key = authorization.partition(b" ")
        digest = sha256(key.strip()).hexdigest().encode()
        matches = [holder for known, holder in self._known if hmac.compare_digest(digest, known)]
        return matches[0] if matches and scheme.lower() == b"bearer" else None


def needed(method: str, path: str, scores: bool) -> Scope:
    """Return the scope that a request needs; what is not named here is the administrator's."""
    parts = path.strip("/").split("/")
    if (scores and method == "POST") or (
        method == "GET" and (path in ("/v1/models", "/v1/tasks") or _is_task(parts))
    ):
        return "rank"
    if parts[:2] == ["v1", "tasks"] and (method, parts[3:]) in (
        ("POST", ["labels"]),
        ("GET", ["to-label"]),
    ):
        return "label"
    return "admin"


def ask_as(holder: Principal) -> None:
    """Note who asks, for the rest of the request."""
    _ASKING.set(holder)
    if holder.cost is not None:
        _SPENT.set([])


def spend(cost: float) -> None:
    """Note what a request cost, where that is counted."""
    if (spent := _SPENT.get()) is not None:
        spent.append(cost)


def spent() -> float:
    """Return what the request has cost so far."""
    return sum(_SPENT.get() or ())


def may_see(task: str) -> bool:
    """Return whether a task is there for who asks."""
    tasks = _ASKING.get().tasks
    return tasks is None or task in tasks


def sees_all() -> bool:
    """Return whether all tasks are there for who asks, and so what is of all of them together."""
    return _ASKING.get().tasks is None


def administers_all() -> bool:
    """Return whether who asks may know how the service is built: which machines it asks, and
    what they say.
    """
    holder = _ASKING.get()
    return holder.tasks is None and "admin" in holder.scopes


def visible(tasks: Iterable[str]) -> list[str]:
    """Return the tasks that are there for who asks."""
    return [task for task in tasks if may_see(task)]


def new_key(
    name: str, scopes: Sequence[Scope], tasks: Sequence[str] | None, **more: Any
) -> tuple[str, KeySettings]:
    """Return a key of 256 random bits, and what the configuration says of it; `more` are further
    fields of its entry.
    """
    key = PREFIX + secrets.token_urlsafe(32)
    digest = sha256(key.encode()).hexdigest()
    tasks = None if tasks is None else tuple(tasks)
    return key, KeySettings(name=name, sha256=digest, scopes=tuple(scopes), tasks=tasks, **more)


def _holder(key: KeySettings) -> Principal:
    return Principal(
        key.name,
        frozenset(key.scopes),
        None if key.tasks is None else frozenset(key.tasks),
        None if key.requests is None else limits.parse(key.requests),
        None if key.cost is None else limits.parse(key.cost),
        key.priority == "bulk",
    )


def _is_task(parts: Sequence[str]) -> bool:
    return len(parts) == 3 and list(parts[:2]) == ["v1", "tasks"]
