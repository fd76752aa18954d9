"""The names and addresses by which clients may reach a service without keys.

An address is safe: rebinding needs a page's name that an attacker's DNS turns to us. So a service
on a network accepts any address and the listed names; one on loopback accepts loopback's names and
addresses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

#: A name, or one with `*.` before it for all names below; `*` alone is any.
ALLOWED = re.compile(r"\*|(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?")
WITH_PORT = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]{1,5}))?")


class Hosts:
    """The names of a service at one address; `allowed` are entries that `checked_host` has seen."""

    def __init__(self, allowed: Iterable[str], bound: str) -> None:
        self._allowed = frozenset(allowed)
        self._bound = bound.lower()
        address = address_of(bound)
        self._local = self._bound == "localhost" or (address is not None and address.is_loopback)

    def __contains__(self, name: str) -> bool:
        """Return whether a name or address, lower case and without port, is allowed."""
        if name in ("localhost", self._bound) or "*" in self._allowed or name in self._allowed:
            return True
        address = address_of(name)
        if address is not None:
            return address.is_loopback or not self._local
        return any(f"*.{domain}" in self._allowed for domain in _domains(name))


def split_host(host: str) -> tuple[str, int | None] | None:
    """Return a Host header's name or address, without brackets, and its port; None if invalid."""
    match = WITH_PORT.fullmatch(host.lower())
    if match is None:
        return None
    name, port = match[1], int(match[2]) if match[2] else None
    if name.startswith("["):  # only an address may stand in brackets
        return (name[1:-1], port) if ":" in name and address_of(name[1:-1]) is not None else None
    name = name.removesuffix(".")
    return (name, port) if name else None


def checked_host(entry: str) -> str:
    """Return an entry of `allowed_hosts` in its compared form.

    Raises `ValueError` for an invalid one.
    """
    plain = entry.strip().lower().removeprefix("[").removesuffix("]")
    if address_of(plain) is None and not ALLOWED.fullmatch(plain):
        raise ValueError(
            "must be names without scheme and port, such as assay.example.org, *.example.org or *;"
            f" got {entry!r}"
        )
    return plain


def address_of(name: str) -> IPv4Address | IPv6Address | None:
    """Return an address (IPv4 also from its IPv6 form); None for a name or one with a zone."""
    try:
        address = ip_address(name)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return None if address.scope_id else address.ipv4_mapped or address
    return address


def _domains(name: str) -> Iterable[str]:
    """Yield the domains that a name lies in, nearest first."""
    labels = name.split(".")
    return (".".join(labels[place:]) for place in range(1, len(labels)))
