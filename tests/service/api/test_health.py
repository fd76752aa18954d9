"""The routes of a service's state."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from assay.service.api import health
from tests.support.http.handler_requests import engine_of, request_to


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
async def test_readiness_names_verifiers_to_some_and_counts_them_for_all(
    ready: bool, status: int
) -> None:
    """Every caller gets the status."""
    engine = engine_of()
    details = {
        "status": "-",
        "verifiers": {"a": "ok", "b": "timeout"},
        "store": "ok",
        "store_reason": None,
    }

    async def readiness() -> tuple[bool, dict[str, Any]]:
        return ready, details

    engine.readiness = SimpleNamespace(report=readiness)
    whole = await health.readyz(request_to(engine, scope={"assay.informed": True}))
    counts = await health.readyz(request_to(engine))

    assert (whole.status_code, counts.status_code) == (status, status)
    assert orjson.loads(whole.body) == details
    assert orjson.loads(counts.body) == {
        "status": "-",
        "store": "ok",
        "store_reason": None,
        "answering": 1,
        "of": 2,
    }


async def test_the_root_leads_to_the_documents_below_a_proxys_prefix() -> None:
    """By a path alone."""
    answer = await health.root(request_to(None, scope={"root_path": "/assay"}))

    assert answer.headers["location"] == "/assay/docs"
    assert await health.healthz() == {"status": "ok"}
