"""The bounds of connections for all our servers."""

from __future__ import annotations

import uvicorn

from assay.service.server.bounded_server import bounded
from assay.service.server.protocol import BoundedProtocol


def test_a_server_with_these_options_speaks_the_bounded_protocol() -> None:
    """uvicorn loads it by its name; no route uses websockets, so none are spoken."""
    config = uvicorn.Config("nothing:app", **bounded())
    config.load_app = lambda: None  # type: ignore[method-assign]  # there is none
    config.load()

    assert config.http_protocol_class is BoundedProtocol
    assert config.ws_protocol_class is None
