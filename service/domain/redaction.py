"""Redacts reasons: only administrators see which machines the service calls.

Others see the failure. A reason may hold an address of ours (`cannot connect to
http://10.0.0.7:8000`), or one in a server's own error.
"""

from __future__ import annotations

import re

from assay.service.domain.principal import administers_all

#: Errors whose message names the server that we called: others learn only the code.
OF_THE_NETWORK = ("unreachable",)
ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]{0,20}://[^\s'\"<>)\]]{1,500}"  # a URL
    # IPv6
    r"|\[?(?<![0-9a-z:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}\]?(?::[0-9]{1,5})?(?![0-9a-z:])"
    r"|(?<![0-9.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9.]*[0-9])(?::[0-9]{1,5})?"  # IPv4
    # a name with a port
    r"|(?<![\w.-])(?:[a-z0-9_-]{1,63}\.){0,10}[a-z0-9_-]{1,63}:[0-9]{2,5}(?![0-9\w])"
    r"|(?<![\w.-])(?:[a-z0-9_-]{1,63}\.){1,10}(?:internal|local|localdomain|cluster|svc|lan|corp|home)(?![\w-])",
    re.IGNORECASE,
)
HIDDEN = "(an address)"


def redacted_reason(reason: str) -> str:
    """Return a reason, reduced to the parts that the caller may see."""
    return reason if administers_all() else without_addresses(reason)


def without_addresses(reason: str) -> str:
    """Return a reason that names no machine."""
    code, _, message = reason.partition(":")
    if code in OF_THE_NETWORK:
        return code
    return ADDRESS.sub(HIDDEN, reason) if message else reason
