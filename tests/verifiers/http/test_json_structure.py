"""How many values a reply may have."""

from __future__ import annotations

import tracemalloc

import pytest

from assay.service.scoring.generator import Generator as Generator
from assay.verifiers import BadReplyError
from assay.verifiers.http.upstream import failure
from tests.support.http.reply_floods import FLOODS
from tests.support.verifiers.fakes import FakeTransport
from tests.support.verifiers.kinds import EXAMPLES, PAIRS, SERVED, made, standin


@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("kind", SERVED)
async def test_a_reply_of_more_values_than_can_be_needed_is_refused_before_it_is_parsed(
    kind: str, flood: str
) -> None:
    """Of any type, for any request: memory does not grow with it."""
    whole = standin(EXAMPLES[kind].server or "")
    verifier = made(
        kind, FakeTransport(dict.fromkeys([*whole.replies, "/score"], (200, FLOODS[flood])))
    )
    tracemalloc.start()
    with pytest.raises(BadReplyError, match="more than the"):
        await verifier.score(PAIRS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 64 << 20


@pytest.mark.parametrize("flood", FLOODS)
def test_an_error_of_very_many_values_is_shown_and_not_read(flood: str) -> None:
    """Its status says enough."""
    said = str(failure("http://x/v", 400, FLOODS[flood]))

    assert said.startswith("http://x/v answered 400: '{")
    assert len(said) < 400
