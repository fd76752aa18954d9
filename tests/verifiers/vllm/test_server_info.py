"""A server's description of itself."""

from __future__ import annotations

import pytest

from tests.support.verifiers.kinds import made, standin
from tests.support.verifiers.sums import STEPS


@pytest.mark.parametrize(
    ("version", "expected"), [("0.32.0", 1), ("0.12.0", 1), ("0.11.2", 3), ("0.8.5", 3), (None, 1)]
)
async def test_a_raw_score_is_asked_for_by_the_name_that_the_server_knows(
    version: str | None, expected: int
) -> None:
    """`softmax`, then `activation`, then `use_activation`: an old server gets all three, since
    it passes over the others.
    """
    reply = (200, {"version": version}) if version else (404, {"detail": "Not Found"})
    transport = standin("reward", **{"/version": reply})

    await made("reward_model", transport).score([STEPS])

    sent = next(asked for path, asked in transport.sent if path == "/classify")
    assert (
        sum(sent.get(name) is False for name in ("use_activation", "activation", "softmax"))
        == expected
    )
