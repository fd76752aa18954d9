"""The meaning of a store's errors, in one table: away or refusing, and why."""

from __future__ import annotations

import re

from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    InvalidResponse,
    MasterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TryAgainError,
)

from assay.service.domain.errors import StoreDownError, StoreError, StoreRefusedError
from assay.service.domain.secrets import without_arguments

#: All that the client raises. `RedisClusterException` is no `RedisError`.
RAISED = (RedisError, RedisClusterException, OSError, TimeoutError)

#: The client keeps the first word of some replies as a class, and drops it from the text.
CLASSES: tuple[tuple[type[Exception], str], ...] = (
    (BusyLoadingError, "LOADING"), (MasterDownError, "MASTERDOWN"), (ClusterDownError, "CLUSTERDOWN"),  # noqa: E501
    (AuthenticationError, "NOAUTH"), (OutOfMemoryError, "OOM"), (ReadOnlyError, "READONLY"), (NoPermissionError, "NOPERM"),  # noqa: E501
    (MovedError, "MOVED"), (TryAgainError, "TRYAGAIN"), (AskError, "ASK"),
)  # fmt: skip
#: A store that answers with one of these is as good as down.
DOWN = {
    "LOADING": "loading",
    "MASTERDOWN": "primary_down",
    "CLUSTERDOWN": "cluster_down",
    "NOAUTH": "no_access",
    "WRONGPASS": "no_access",
    "BUSY": "busy",
    "UNKILLABLE": "busy",
}
#: These refuse one command; reads may go on.
REFUSED = {
    "READONLY": "read_only",
    "OOM": "full",
    "MISCONF": "disk_failed",
    "NOREPLICAS": "too_few_replicas",
    "NOPERM": "no_permission",
    "WRONGTYPE": "wrong_type",
    "MOVED": "moved",
    "ASK": "moved",
    "TRYAGAIN": "moved",
}
#: Reasons for which a store takes no writes at all, as a person reads them.
NO_WRITES = {
    "read_only": "it is a replica that may only be read, as during a failover",
    "full": "its memory is full",
    "disk_failed": "it cannot write to its disk",
    "too_few_replicas": "it has fewer replicas than it wants to have",
}
#: A script's reply has the word somewhere in it.
ERROR_WORD = re.compile(rf"\b({'|'.join([*DOWN, *REFUSED])})\b")
LONGEST_REPLY = 1000


def classified(exc: BaseException) -> StoreError:
    """Return our error for one of the client's."""
    if not isinstance(exc, RAISED) or isinstance(exc, InvalidResponse):
        return StoreDownError(
            without_arguments(f"it answers with something else than expected: {exc}")[
                :LONGEST_REPLY
            ],
            "bad_answer",
        )
    message = without_arguments(f"{type(exc).__name__}: {exc}")[:LONGEST_REPLY]
    word = next((word for kind, word in CLASSES if isinstance(exc, kind)), None)
    if word is None and isinstance(exc, ResponseError):
        match = ERROR_WORD.search(message)
        word = match[1] if match else None
    if word in DOWN:
        return StoreDownError(message, DOWN[word])
    if word in REFUSED:
        return StoreRefusedError(message, REFUSED[word])
    if isinstance(exc, ResponseError):
        return StoreRefusedError(
            message, "unknown_command" if "unknown command" in message.lower() else "refused"
        )
    return StoreDownError(
        message, "timeout" if isinstance(exc, TimeoutError) or "Timeout" in message else "away"
    )
