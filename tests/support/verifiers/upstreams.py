"""Upstreams of some servers."""

from __future__ import annotations

from typing import Any

from assay.verifiers import ServedSettings
from assay.verifiers.http.upstream import Upstream


def upstream_of(transport: Any, *urls: str, **more: Any) -> Upstream:
    """Return an upstream of some servers."""
    settings = ServedSettings(
        name="v", kind="judge", model="m", endpoints=urls or ("http://a",), **more
    )
    return Upstream(settings, transport)
