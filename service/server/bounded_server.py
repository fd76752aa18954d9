"""The bounds of connections for all our servers."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any


def bounded() -> dict[str, Any]:
    """Return uvicorn's options: a bounded protocol and no websockets, as no route uses them."""
    # httptools does not exist for Windows.
    return {
        "ws": "none",
        **(
            {"http": "assay.service.server.protocol:BoundedProtocol"}
            if find_spec("httptools")
            else {}
        ),
    }
