"""Makes a store's client from an address: one server, Sentinel or a cluster, with TLS and user.

redis://[user:password@]host:6379[/db]
rediss://… with TLS (?ssl_ca_certs=/path/ca.pem)
unix:///path
redis+sentinel://[user:password@]host:26379,host:26379/service[/db]
redis+cluster://[user:password@]host:6379,host:6379
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import hiredis
from redis.asyncio import ConnectionPool, Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff

SCHEMES = (
    "redis",
    "rediss",
    "unix",
    "redis+sentinel",
    "rediss+sentinel",
    "redis+cluster",
    "rediss+cluster",
)
STORE_PORTS = {"sentinel": 26379, "cluster": 6379}
UNREADABLE_URL = (
    "is no address of a store: look at its hosts and ports, and write /, ?, # and @ of a password"
    " as %2F, %3F, %23 and %40"
)
SENTINEL: Any = Sentinel  # which has no types
#: Attempts to find a key's new place while a cluster moves it.
CLUSTER_ATTEMPTS = 3


class Packing:
    """Packs commands with hiredis: redis-py packs in Python, for half the cost of a read."""

    def pack_command(self, *args: Any) -> list[bytes]:
        """Return a command as sent."""
        return [hiredis.pack_command((*args[0].split(), *args[1:]))]


@dataclass(frozen=True, slots=True)
class Address:
    """The place of the store: kind, servers, Sentinel's name for it, and connection options."""

    how: str  # "", "sentinel" or "cluster"
    hosts: tuple[tuple[str, int], ...]
    service: str
    options: dict[str, Any]


def parse_address(url: str) -> Address:
    """Return an address.

    Raises `ValueError`, which names the fault without the password.
    """
    try:
        return _parse(url)
    except ValueError as exc:
        if "@" in url or str(exc).startswith(
            "Port"
        ):  # the libraries' words may have a part of the password
            raise ValueError(UNREADABLE_URL) from None
        raise


def _parse(url: str) -> Address:
    scheme, _, rest = url.partition("://")
    if scheme not in SCHEMES or not rest:
        raise ValueError(f"must begin with {', '.join(f'{name}://' for name in SCHEMES)}")
    base, _, how = scheme.partition("+")
    if not how:
        return Address("", (), "", dict(parse_url(url)))
    place, _, query = rest.partition("?")
    place, _, path = place.partition("/")
    user, at, hosts = place.rpartition("@")
    addresses = tuple(_host(host, STORE_PORTS[how]) for host in hosts.split(","))
    service, _, db = path.partition("/")
    if how == "sentinel" and not service:
        raise ValueError(
            "must name the service after the hosts: redis+sentinel://host:26379/service"
        )
    if how == "cluster" and path:
        raise ValueError("a cluster has no numbered databases: redis+cluster://host:6379")
    # The library reads users, databases and options from an address of one host.
    options = dict(parse_url(f"{base}://{user}{at}host/{db}?{query}"))
    for name in ("host", "port"):
        options.pop(name, None)
    if options.pop("connection_class", None) is not None:
        options["ssl"] = True
    return Address(how, addresses, service, options)


def connect_to_store(url: str, timeout_s: float, connections: int) -> Any:
    """Return a client; nothing is connected yet."""
    address = parse_address(url)
    limits = {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
    options = {**limits, **address.options}
    if address.how == "cluster":
        nodes = [ClusterNode(host, port) for host, port in address.hosts]
        return RedisCluster(
            startup_nodes=nodes,
            max_connections=connections,
            retry=Retry(NoBackoff(), CLUSTER_ATTEMPTS),
            **options,
        )
    if address.how == "sentinel":
        sentinels: Any = SENTINEL(
            list(address.hosts),
            sentinel_kwargs={**limits, "ssl": options.get("ssl", False)},
            **options,
        )
        client: Any = sentinels.master_for(
            address.service, max_connections=connections, retry=Retry(NoBackoff(), 0)
        )
    else:
        # Not the blocking pool: its bookkeeping costs a fifth of a read, and admission
        # bounds how many are in use.
        pool = ConnectionPool.from_url(
            url, max_connections=connections, retry=Retry(NoBackoff(), 0), **limits
        )
        client = Redis.from_pool(pool)
    pool = client.connection_pool
    pool.connection_class = type("PackingConnection", (Packing, pool.connection_class), {})
    return client


def _host(place: str, port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{place}")
    if not parts.hostname:
        raise ValueError(f"{place!r} is not a host")
    return parts.hostname, parts.port or port
