"""Concurrent calls: places by class, a server's pace, a second call for a late one, and known
queues.
"""

from __future__ import annotations

import pytest

from assay.verifiers.http.aimd_limit import AimdLimit
from tests.support.verifiers.fakes import FakeTransport
from tests.support.verifiers.upstreams import upstream_of


async def test_a_pace_halves_what_is_under_way_and_grows_by_one_a_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Once a second at most, to four at least, and to no more than it began with."""
    now = 100.0
    monkeypatch.setattr("assay.verifiers.http.aimd_limit.time.monotonic", lambda: now)
    pace = AimdLimit(16)
    for _ in range(10):
        await pace.__aenter__()

    pace.overloaded()
    pace.overloaded()  # in the same second
    assert pace.limit == 5
    for _ in range(5):
        pace.went_well()
    assert 5.9 < pace.limit < 6
    now += 1.5
    pace.overloaded()
    assert pace.limit == 4  # and no less
    for _ in range(1000):
        pace.went_well()
    assert pace.limit == 16
    for _ in range(10):
        pace.leave()
    now += 1.5
    pace.overloaded()
    assert pace.limit == 5  # ten were under way since the last cut
    now += 1.5
    pace.overloaded()
    assert pace.limit == 4


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_says_it_has_too_much_gets_less(status: int) -> None:
    """The client tries again with success."""
    replies = [(status, {"error": "busy"}), (200, {"ok": True})]
    asked = upstream_of(FakeTransport({"/score": lambda _: replies.pop(0)}))

    assert await asked.post("/score", b"{}") == b'{"ok":true}'
    assert asked.endpoints[0].pace.limit < 5
