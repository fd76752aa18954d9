"""The allowed answers of a store to each command.

Any other answer means that the store, or a proxy before it, answers out of turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import InvalidResponse

#: Types of replies by command, before the client makes something else of them; a hash is a dict in
#: RESP3.
REPLY_TYPES: dict[str, tuple[type, ...]] = {
    "GET": (bytes, type(None)), "HGET": (bytes, type(None)), "MGET": (list,), "HVALS": (list,), "HMGET": (list,), "HKEYS": (list,),  # noqa: E501
    "HGETALL": (list, dict), "HSCAN": (list,), "XLEN": (int,), "HLEN": (int,), "TTL": (int,), "INCRBY": (int,), "HDEL": (int,),  # noqa: E501
    "TYPE": (bytes,), "HSET": (int,), "DEL": (int,),
}  # fmt: skip
#: Commands whose lists are of values, or of nothing in their place.
OF_VALUES = frozenset({"MGET", "HVALS", "HMGET", "HKEYS", "HGETALL"})
VALUE = (bytes, type(None))
VALUES = frozenset(VALUE)
#: What the client, or a function below, raises where it reads an answer of another type than the
#: command's.
MISREAD_ERRORS = (TypeError, ValueError, AttributeError, LookupError)


def expect(client: Any) -> None:
    """Have a client raise `InvalidResponse` for a reply of another type than its command's."""
    callbacks = client.response_callbacks if hasattr(client, "response_callbacks") else {}
    for command, types in REPLY_TYPES.items():
        client.set_response_callback(command, _checking(command, types, callbacks.get(command)))


def _checking(
    command: str, types: tuple[type, ...], then: Callable[..., Any] | None
) -> Callable[..., Any]:
    of_values = command in OF_VALUES

    def check(reply: Any, **options: Any) -> Any:
        if not isinstance(reply, types) or (of_values and not _are_values(reply)):
            raise InvalidResponse(f"{command} was answered with {type(reply).__name__}")
        parsed = reply if then is None else then(reply, **options)
        if command == "HGETALL" and not isinstance(parsed, dict):
            raise InvalidResponse(f"{command} was answered with a list")
        return parsed

    return check


def _are_values(reply: Any) -> bool:
    parts = [*reply, *reply.values()] if isinstance(reply, dict) else reply
    return VALUES.issuperset(map(type, parts)) or all(isinstance(part, VALUE) for part in parts)


def so_many(count: int) -> Callable[[Sequence[Any]], list[Any]]:
    """Return a reader of a list of so many."""

    def read(reply: Sequence[Any]) -> list[Any]:
        if len(reply) != count:
            raise ValueError(f"{len(reply)} values instead of {count}")
        return list(reply)

    return read


def count_of(reply: Any) -> int:
    """Return a script's count, 0 for nil.

    Raises `ValueError` for anything else.
    """
    if reply is not None and not isinstance(reply, int):
        raise ValueError(f"a script answered with {type(reply).__name__}")
    return reply or 0


def entries(reply: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Return a stream's entries.

    Raises `ValueError` or `TypeError` for invalid ones.
    """
    if not isinstance(reply, list):
        raise ValueError(f"a script answered with {type(reply).__name__}")
    parsed = [(name, dict(zip(parts[::2], parts[1::2], strict=True))) for name, parts in reply]
    if not all(
        isinstance(value, bytes)
        for name, entry in parsed
        for value in (name, *entry, *entry.values())
    ):
        raise ValueError("a stream's entries are no bytes")
    return parsed


def scanned(reply: Any) -> tuple[int, dict[bytes, bytes]]:
    """Return a cursor and a part of a hash.

    Raises `ValueError` for an invalid answer.
    """
    cursor, values = reply
    if not isinstance(cursor, int) or not isinstance(values, dict) or not _are_values(values):
        raise ValueError("no part of a hash")
    return cursor, values
