"""Looks once a second for connections that send late, or do not read."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from uvicorn.server import ServerState

CONNECTIONS_LOOK_S = 1.0
READ_S = 20.0  # in which a client has to take …
LEAST_READ = 64 << 10  # … so many bytes of its answer, or all
MOST_UNREAD = (
    256 << 20
)  # bytes of answers that wait for their clients; beyond it, the slowest client is cut
IDLE_WHEN_MANY_S = 5.0  # how long a connection may lie idle when half of the room is taken
MOST = 10_000  # connections at once, where the process may open twice as many files


def most_connections() -> int:
    """Return how many connections there may be.

    Half of the process's files are left to the store and to upstreams.

    Asked for when it is needed: the limit is raised at the start, after this was imported.
    """
    return min(MOST, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


class WatchedConnection(Protocol):
    """The watched part of a connection."""

    transport: asyncio.Transport
    due: float

    @property
    def idle(self) -> bool:
        """Return whether every request has its answer."""

    def late(self) -> None:
        """End it, for something is due."""


@dataclass(slots=True)
class Unread:
    """The unread part of a client's answer at a time."""

    since: float
    size: int


@dataclass(eq=False)
class Watch:
    """The unread bytes of one server's clients, and its idle connections."""

    unread: dict[WatchedConnection, Unread] = field(default_factory=dict)
    idle: dict[WatchedConnection, float] = field(default_factory=dict)
    looking: bool = False

    def look(self, connections: Sequence[WatchedConnection], now: float) -> None:
        """Look at every connection."""
        backlog: dict[WatchedConnection, Unread] = {}
        for connection in connections:
            if now >= connection.due:
                connection.late()
            size = connection.transport.get_write_buffer_size()
            if size:
                backlog[connection] = self._progress(connection, size, now)
        self.unread = backlog
        self._cut(now)
        self._make_room(connections, now)

    def _progress(self, connection: WatchedConnection, size: int, now: float) -> Unread:
        """Return how much is unread and since when.

        The time begins anew where enough was taken, or more was written.
        """
        before = self.unread.get(connection)
        if before is None or size > before.size or before.size - size >= LEAST_READ:
            return Unread(now, size)
        return before

    def _cut(self, now: float) -> None:
        """Cut clients that do not read, and the slowest when unread answers exceed their bound."""
        total = sum(unread.size for unread in self.unread.values())
        for connection, unread in sorted(self.unread.items(), key=lambda item: item[1].since):
            if now - unread.since < READ_S and total <= MOST_UNREAD:
                return
            total -= unread.size
            connection.transport.abort()

    def _make_room(self, connections: Sequence[WatchedConnection], now: float) -> None:
        """Close idle connections when there are too many."""
        if len(connections) <= most_connections() // 2:
            self.idle = {}
            return
        self.idle = {
            connection: self.idle.get(connection, now)
            for connection in connections
            if connection.idle
        }
        for connection, since in self.idle.items():
            if now - since >= IDLE_WHEN_MANY_S:
                connection.transport.close()


_watches: WeakKeyDictionary[ServerState, Watch] = WeakKeyDictionary()


def watch(state: ServerState, loop: asyncio.AbstractEventLoop) -> None:
    """Watch a server's connections from now on, as long as it has any."""
    server_watch = _watches.setdefault(state, Watch())
    if not server_watch.looking:
        server_watch.looking = True
        loop.call_later(CONNECTIONS_LOOK_S, _look, server_watch, state, loop)


def _look(server_watch: Watch, state: ServerState, loop: asyncio.AbstractEventLoop) -> None:
    connections: list[Any] = list(state.connections)  # all are ours
    server_watch.look(connections, loop.time())
    server_watch.looking = bool(state.connections)
    if server_watch.looking:
        loop.call_later(CONNECTIONS_LOOK_S, _look, server_watch, state, loop)
