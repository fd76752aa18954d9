"""The walk of a scoring request, and its cost: each sent call once, and nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.aggregation import RobustAverage
from assay.service.domain.errors import NoVerifierError, StoreDownError, StoreRefusedError
from assay.service.learning.tasks.served_version import ServedVersion
from assay.service.scoring.request import ScoringRequest
from assay.service.scoring.scorer import UNSHARED
from assay.verifiers import (
    KINDS,
    LostError,
    UnreachableError,
    UpstreamFailedError,
    Verdict,
    Verdicts,
    build,
)
from assay.verifiers.contract.verifier import not_applicable
from tests.support.scorers import Books, fake
from tests.support.verifiers.fakes import FakeTransport, FakeVerifier


async def under_way() -> None:
    """Return when the started work waits for something outside."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_pairs_pay_nothing_for_verifiers_that_compare_candidates() -> None:
    """They were never asked."""
    books = Books([fake("setwise", cost=10.0, setwise=True), fake("pointwise", cost=2.0)])

    outcome = await books.scorer.score(books.job(one_query=False))

    assert outcome.cost == 4.0
    assert books.charged == [4.0]


async def test_an_open_breaker_and_a_server_that_cannot_be_reached_cost_nothing() -> None:
    """No call was sent; a call that fails at its server was sent."""
    down, broken = (
        fake("down", UnreachableError("refused"), 10.0),
        fake("broken", UpstreamFailedError("500"), 3.0),
    )
    books = Books([down, broken, fake("up")], failures=1)

    costs = [(await books.scorer.score(books.job(first=2 * number))).cost for number in range(2)]

    assert costs == [2 * 3.0 + 2.0, 2.0]
    assert books.charged == costs


async def test_who_waited_for_a_place_until_the_time_was_over_pays_nothing() -> None:
    """One that had the place does; with the verifier's limit, and with the request's."""
    for options, deadline_s in (({"timeout_s": 0.1}, 30.0), ({}, 0.1)):
        books = Books(
            [fake("slow", cost=7.0, gate=asyncio.Event(), options={"concurrency": 1, **options})]
        )

        async with books.members[0].guarded._room:
            with pytest.raises(NoVerifierError):
                await books.scorer.score(books.job(deadline_s=deadline_s))
        assert books.charged == []
        with pytest.raises(NoVerifierError):
            await books.scorer.score(books.job(deadline_s=deadline_s))
        assert books.charged == [14.0]


async def test_what_two_ask_at_once_is_paid_once() -> None:
    """The first pays, also if it goes away before or after the call was sent."""
    gate = asyncio.Event()
    books = Books([fake("v", cost=5.0, gate=gate)])
    first, second = (asyncio.create_task(books.scorer.score(books.job())) for _ in range(2))
    await under_way()
    first.cancel()
    await under_way()
    gate.set()
    outcome = await second

    assert books.charged == [10.0]
    assert outcome.cost == 0.0


async def test_who_joined_a_call_pays_where_the_first_left_before_it_was_sent() -> None:
    """Somebody does."""
    gate = asyncio.Event()
    books = Books([fake("v", cost=5.0, gate=gate, options={"concurrency": 1})])
    before = asyncio.create_task(books.scorer.score(books.job(1, first=9)))
    await under_way()
    first, second = (asyncio.create_task(books.scorer.score(books.job())) for _ in range(2))
    await under_way()
    first.cancel()
    await under_way()
    gate.set()

    assert (await before).cost == 5.0
    assert (await second).cost == 10.0
    assert sorted(books.charged) == [5.0, 10.0]


async def test_a_text_that_comes_twice_is_paid_once_and_what_needs_no_asking_not_at_all() -> None:
    """As a verifier says itself."""

    class Half(FakeVerifier):
        async def score(self, pairs: Any) -> Verdicts:
            return Verdicts(
                [
                    not_applicable("empty") if pair.candidate == "c0" else Verdict(0.5)
                    for pair in pairs
                ]
            )

    books = Books([Half("half", options={"cost": 3.0})])
    job = books.job(3)

    outcome = await books.scorer.score(
        ScoringRequest(job.task, [*job.pairs, *job.pairs], True, 30.0, learn=False)
    )

    assert outcome.cost == 6.0


async def test_a_served_verifier_that_waits_for_its_servers_place_has_sent_nothing() -> None:
    """Its pace lets one call through at a time; the other never goes out."""
    gate = asyncio.Event()

    class Slow(FakeTransport):
        async def post(
            self, url: str, body: bytes, api_key: str | None = None
        ) -> tuple[int, bytes]:
            self.sent.append((url, body))
            await gate.wait()
            return 200, b"{}"

    transport = Slow({})
    settings: Any = {
        "name": "v",
        "kind": "http",
        "endpoint": "http://127.0.0.1:9",
        "model": "m",
        "cost": 4.0,
    }
    verifier: Any = build(KINDS["http"].settings(**settings), transport)
    verifier.upstream.endpoints[0].pace.limit = 1
    books = Books([verifier])

    holding = asyncio.create_task(books.scorer.score(books.job(1, first=0)))
    await under_way()
    with pytest.raises(NoVerifierError):
        await books.scorer.score(books.job(1, deadline_s=0.2, first=1))
    gate.set()
    await asyncio.gather(holding, return_exceptions=True)

    assert len(transport.sent) == 1
    assert books.charged == [4.0]


SAYS = st.sampled_from(
    [0.5, UnreachableError("refused"), LostError("closed"), UpstreamFailedError("500"), None]
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(SAYS, st.integers(0, 9), st.booleans()), min_size=1, max_size=4),
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(0, 3), st.booleans()), min_size=1, max_size=5
    ),
)
def test_what_all_requests_pay_is_what_was_asked(
    verifiers: list[tuple[Any, int, bool]], requests: list[tuple[int, int, bool]]
) -> None:
    """Together or alone, with any end; unreachable servers get no call."""
    fakes = [
        fake(f"v{at}", (lambda _: None) if says is None else says, float(cost), setwise=setwise)
        for at, (says, cost, setwise) in enumerate(verifiers)
    ]
    books = Books(fakes, failures=2)

    async def all_at_once() -> list[Any]:
        jobs = [books.job(count, one_query, first=first) for count, first, one_query in requests]
        return await asyncio.gather(
            *(books.scorer.score(job) for job in jobs), return_exceptions=True
        )

    ended = asyncio.run(all_at_once())
    asked = sum(
        each.settings.cost * len(call)
        for each in fakes
        if type(each.says) is not UnreachableError
        for call in each.asked
    )

    assert all(isinstance(each, NoVerifierError) or np.isfinite(each.cost) for each in ended)
    assert sum(books.charged) == pytest.approx(asked)


async def test_a_version_served_meanwhile_answers_later_requests_only() -> None:
    """The version at a request's start plans it and answers it."""
    gate = asyncio.Event()
    books = Books([FakeVerifier("v", 0.5, gate=gate)])
    columns = books.task.spec.columns
    books.task.serving.version = ServedVersion(task="t", model=RobustAverage(columns), version=1)
    asking = asyncio.create_task(books.scorer.score(books.job()))
    await under_way()

    books.task.serving.version = ServedVersion(task="t", model=RobustAverage(columns), version=2)
    gate.set()

    assert (await asking).version == "t@1"
    assert (await books.scorer.score(books.job())).version == "t@2"


class Claims:
    """A cache whose claims end as is stated."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure, self.claims, self.packs = failure, 0, 0

    async def read(self, *_: Any) -> dict[str, bytes]:
        """Know nothing."""
        return {}

    def pack(self, *_: Any) -> dict[str, bytes]:
        """Count the later writes."""
        self.packs += 1
        return {}

    async def claim(self, _keys: Any, _columns: Any, matrix: Any, _stored: Any) -> None:
        """Have another process's score for the first pair."""
        self.claims += 1
        if self.failure is not None:
            raise self.failure
        matrix.raw[0, 0] = 0.875


@pytest.mark.parametrize("one_query", [True, False])
async def test_a_run_has_the_scores_that_were_kept_first(one_query: bool) -> None:
    """The claim is in the place of the later write; without a run there is only that."""
    books = Books([fake("v", 0.5)])
    cache: Any = Claims()
    books.scorer._cache = books.scorer._recorder._cache = cache

    alone = await books.scorer.score(books.job(one_query=one_query))
    await under_way()
    assert (cache.claims, cache.packs) == (0, 1)
    of_run = await books.scorer.score(replace(books.job(one_query=one_query), of_run=True))
    await under_way()

    assert (cache.claims, cache.packs) == (1, 1)
    assert alone.matrix.raw[:, 0].tolist() == [0.5, 0.5]
    assert of_run.matrix.raw[:, 0].tolist() == [0.875, 0.5]
    assert of_run.combined.log_odds[0] > of_run.combined.log_odds[1]


@pytest.mark.parametrize("failure", [StoreDownError("away"), StoreRefusedError("full", "full")])
async def test_a_store_that_takes_no_claim_is_a_warning(failure: Exception) -> None:
    """The scores are this process's own, and written later if the store takes them."""
    books = Books([fake("v", 0.5)])
    cache: Any = Claims(failure)
    books.scorer._cache = books.scorer._recorder._cache = cache

    result = await books.scorer.score(replace(books.job(), of_run=True))
    await under_way()

    assert result.warnings[0] == UNSHARED
    assert result.matrix.raw[:, 0].tolist() == [0.5, 0.5]
    assert cache.packs == 1
