"""The browsers' requests that a service without keys accepts: of its own pages, to its own names.

Without keys, everyone who reaches the port is trusted, and so is every page that a person's browser
opens. Such a page cannot forge the headers Host and Origin, nor send JSON to another origin without
a preflight request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from assay.service.api.errors import ApiError
from assay.service.domain.hosts import Hosts, split_host

JSON = re.compile(rb"application/(?:json|[\w.!#$&^-]{1,100}\+json)", re.IGNORECASE)
READS = frozenset({"GET", "HEAD", "OPTIONS"})
#: Methods without a body. A page needs a preflight request for DELETE whatever its type.
NO_BODY = READS | {"DELETE"}
#: What a browser says of a request that a person made (a bookmark, an address typed), or a page of
#: ours.
OWN_SITES = frozenset({b"same-origin", b"none"})
SCHEME_PORTS = {"http": 80, "https": 443}
#: Headers that are read here: of two, others might read the other one.
ONCE = (b"host", b"authorization", b"origin", b"sec-fetch-site", b"content-type")
#: Hosts that passed the check; clients name one or two.
REMEMBERED_ORIGINS = 64
ALLOWED_HOSTS_HINT = (
    "name it in `allowed_hosts` (ASSAY_ALLOWED_HOSTS), or ask for keys (ASSAY_API_KEYS)"
)


class Browsers:
    """The rules of a service at one address."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._known: set[bytes] = set()

    def check(self, method: str, headers: dict[bytes, bytes], *, public: bool = False) -> None:
        """Raise `ApiError` if a page of another origin could have made the request.

        Links may lead to `public` paths.
        """
        host = headers.get(b"host", b"")
        if host not in self._known:
            self._check_host(host)
        if public:
            return
        origin = headers.get(b"origin")
        if origin is not None and not same_origin(origin, host):
            raise _cross_origin("Origin", origin)
        site = headers.get(b"sec-fetch-site")
        if site is not None and site not in OWN_SITES:
            raise _cross_origin("Sec-Fetch-Site", site)
        if method not in NO_BODY:
            _check_type(headers.get(b"content-type"))

    def _check_host(self, host: bytes) -> None:
        parts = split_host(host.decode("latin-1"))
        if parts is None or parts[0] not in self._hosts:
            problem = f"this service is not known as {_shown(host)}" if host else "is missing"
            raise ApiError(
                421, f"Host: {problem}: {ALLOWED_HOSTS_HINT}", param="Host", code="unknown_host"
            )
        if len(self._known) < REMEMBERED_ORIGINS:
            self._known.add(host)


def same_origin(origin: bytes, host: bytes) -> bool:
    """Return whether a page's origin is the host that it asks.

    A proxy may have taken TLS off, so the scheme may differ.
    """
    try:
        parts = urlsplit(origin.decode("ascii").lower())
        port = parts.port
    except ValueError:  # a UnicodeDecodeError is one as well
        return False
    asked = split_host(host.decode("latin-1"))
    if (
        asked is None
        or parts.scheme not in SCHEME_PORTS
        or not parts.hostname
        or parts.path
        or parts.query
        or parts.fragment
    ):
        return False
    usual = SCHEME_PORTS[parts.scheme]
    return (parts.hostname.removesuffix("."), port or usual) == (asked[0], asked[1] or usual)


def _check_type(content_type: bytes | None) -> None:
    """Raise `ApiError` for a body's type that an HTML form, or a page unasked, could send."""
    if content_type == b"application/json" or (
        content_type is not None and JSON.fullmatch(content_type.partition(b";")[0].strip())
    ):
        return
    problem = "none" if content_type is None else f"got {_shown(content_type)}"
    message = (
        f"Content-Type: must be application/json ({problem}): without keys, a body that an HTML"
        " form can send is refused"
    )
    raise ApiError(415, message, param="Content-Type", code="unsupported_media_type")


def _cross_origin(header: str, value: bytes) -> ApiError:
    message = (
        f"{header}: without keys, a page of another origin may ask nothing (got {_shown(value)}):"
        " set ASSAY_API_KEYS"
    )
    return ApiError(403, message, param=header, code="cross_origin")


def refuse_doubled(pairs: Sequence[tuple[bytes, bytes]]) -> None:
    """Raise `ApiError` if a deciding header appears twice: a proxy may have read the other one."""
    names = [name for name, _ in pairs]
    for name in ONCE:
        if names.count(name) > 1:
            shown = name.decode().title()
            raise ApiError(
                400,
                f"{shown}: appears {names.count(name)} times; send it once",
                param=shown,
                code="doubled_header",
            )


def _shown(value: bytes) -> str:
    text = value.decode("latin-1")
    return repr(text if len(text) <= 80 else text[:80] + "…")
