"""Remembers facts of texts, apart and bounded for each owner: none may learn of another."""

from __future__ import annotations

from collections import OrderedDict
from contextvars import ContextVar
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

#: The owner of the scored texts, set by the service; one owner for all if nothing is kept apart.
OWNER: ContextVar[str] = ContextVar("owner", default="")
MOST_OWNERS = 256


class OwnerMemory(Generic[Key, Value]):
    """A memory for each owner, of the last used entries.

    The owner is the sender of the scored texts.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_owner: OrderedDict[str, OrderedDict[Key, Value]] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        """Return the owner's entry; None if it is unknown, or no longer known."""
        entries = self._by_owner.get(OWNER.get())
        if entries is None or key not in entries:
            return None
        entries.move_to_end(key)
        return entries[key]

    def put(self, key: Key, value: Value) -> None:
        """Remember for the owner; the least recently used entry goes."""
        owner = OWNER.get()
        entries = self._by_owner.setdefault(owner, OrderedDict())
        self._by_owner.move_to_end(owner)
        entries[key] = value
        entries.move_to_end(key)
        if len(entries) > self._most:
            entries.popitem(last=False)
        if len(self._by_owner) > MOST_OWNERS:
            self._by_owner.popitem(last=False)
