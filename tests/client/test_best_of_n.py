"""Best of n over many queries, of which some fail."""

from __future__ import annotations

from typing import Any

import pytest
from assay_client import AsyncClient, NoScoreError, Retrying, SomeFailedError, best_of_many
from assay_client.best_of_n import MOST_IN_A_ROW

from tests.client.answers import problem, ranking
from tests.support.http.canned_server import answering_by_path

ONCE = Retrying(tries=1)


@pytest.mark.parametrize("broken", [{0}, {31}, {59}, {5, 6, 40}])
async def test_a_failure_does_not_lose_the_others(broken: set[int]) -> None:
    """They are in the error, by place, with the failures beside them."""

    async def generate(query: Any) -> list[str]:
        if int(query) in broken:
            raise RuntimeError("no model")
        return [f"{query}a", f"{query}b"]

    queries = [str(number) for number in range(60)]
    with answering_by_path({"*": ranking([0.0, 1.0])}) as server:
        async with AsyncClient(server.url) as client:
            with pytest.raises(SomeFailedError, match=f"{len(broken)} of 60 .*no model") as failure:
                await best_of_many(generate, queries, 2, client=client, progress=False)

    assert set(failure.value.failures) == broken
    texts = [None if best is None else best.text for best in failure.value.results]
    assert texts == [None if int(query) in broken else f"{query}b" for query in queries]


async def test_what_always_fails_is_not_tried_for_ever() -> None:
    """After failures in a row no further query begins; the error is the first one itself."""
    asked = []

    async def fail(query: Any) -> list[str]:
        asked.append(query)
        raise RuntimeError(f"no model for {query}")

    queries = [str(number) for number in range(200)]
    async with AsyncClient("http://127.0.0.1:9", retrying=ONCE) as client:
        with pytest.raises(RuntimeError, match="no model for 0"):
            await best_of_many(fail, queries, 2, client=client, at_once=1, progress=False)

    assert len(asked) == MOST_IN_A_ROW


async def test_a_service_without_a_score_is_the_error() -> None:
    """The typed one."""

    async def generate(query: Any) -> list[str]:
        return ["a", "b"]

    with answering_by_path({"*": problem("no_verifier")}, status=503) as server:
        async with AsyncClient(server.url, retrying=ONCE) as client:
            with pytest.raises(NoScoreError):
                await best_of_many(generate, ["q"] * 3, 2, client=client, progress=False)
