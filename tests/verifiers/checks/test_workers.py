"""A text that hangs costs no other score; waiting for a worker costs no candidate time."""

from __future__ import annotations

import asyncio
import os
import time
from functools import partial

import pytest

from assay.verifiers import Pair, Query, Status, VerifierError
from assay.verifiers.checks.bounded import BoundedVerifier
from assay.verifiers.checks.python_tests import PythonTests, PythonTestsSettings
from assay.verifiers.checks.regex_match import Regex, RegexSettings
from assay.verifiers.checks.workers import Workers

LOOPS = "def f():\n    while True:\n        pass  # %d"


async def test_the_wait_for_a_worker_does_not_count() -> None:
    """Each of three calls that share one has its whole time."""
    workers = Workers(1)
    await workers.run(_slow, 0.0, within_s=30)  # it imports this file

    answers = await asyncio.gather(*(workers.run(_slow, 1.0, within_s=2.9) for _ in range(3)))

    assert answers == [1.0, 1.0, 1.0]


async def test_the_start_of_a_worker_does_not_count() -> None:
    """Nor its imports; after a killed call another start follows."""
    workers = Workers(1, partial(time.sleep, 1.0))

    await workers.run(time.sleep, 0.0, within_s=0.9)
    with pytest.raises(TimeoutError):
        await workers.run(time.sleep, 60.0, within_s=0.1)
    await workers.run(time.sleep, 0.0, within_s=0.9)


async def test_a_worker_that_does_not_start_is_an_error_and_no_slow_candidate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It must not look like a slow comparison."""
    monkeypatch.setattr("assay.verifiers.checks.workers.WORKER_START_S", 0.2)

    with pytest.raises(VerifierError, match=r"did not start within 0\.2 s"):
        await Workers(1, partial(time.sleep, 60.0)).run(os.getpid, within_s=30)


async def test_code_that_loops_costs_no_other_candidate_its_score() -> None:
    """All together would take far longer than the verifier may."""
    verifier = PythonTests(
        PythonTestsSettings(name="t", run_code=True, timeout_s=10.0, time_limit_s=8.0)
    )
    query = Query.of("q", None, ("assert f() == 1",))
    texts = [
        "def f(): return 1",
        *(LOOPS % place for place in range(8)),
        "def f(): return 2",
        "def f(): return 1",
    ]

    verdicts = (await verifier.score([Pair(query, text) for text in texts])).items

    assert [
        verdict.score for verdict in verdicts if verdict.status is Status.OK and verdict.score
    ] == [1.0, 1.0]
    assert (verdicts[0].score, verdicts[-2].score, verdicts[-1].score) == (1.0, 0.0, 1.0)
    assert all(verdict.score in (None, 0.0) for verdict in verdicts[1:9])
    assert any(verdict.status is Status.TIMEOUT for verdict in verdicts[1:9])


async def test_code_of_another_call_has_its_turn_between_code_that_loops() -> None:
    """It need not wait until all of a call that came before is over."""
    verifier = PythonTests(
        PythonTestsSettings(name="t", run_code=True, timeout_s=30.0, time_limit_s=1.0, processes=1)
    )
    query = Query.of("q", None, ("assert f() == 1",))
    looping = asyncio.ensure_future(
        verifier.score([Pair(query, LOOPS % place) for place in range(8)])
    )
    await asyncio.sleep(0.5)  # the first of them loops

    verdicts = (await verifier.score([Pair(query, "def f(): return 1")])).items

    assert verdicts[0].score == 1.0
    assert not looping.done()
    assert [verdict.score for verdict in (await looping).items] == [0.0] * 8


async def test_a_pattern_is_tried_in_its_time_whatever_waits_before_it() -> None:
    """Calls that backtrack for ever hold both workers; the wait for one is no time of the
    pattern's.
    """
    verifier: BoundedVerifier = Regex(RegexSettings(name="r", must=["(a|a)*b"], timeout_s=30.0))
    await verifier.warm_up()
    query = Query.of("q")
    slow = [
        verifier.score([Pair(query, "a" * 60 + str(place)) for place in range(24)])
        for _ in range(4)
    ]

    *_, verdicts = await asyncio.gather(*slow, verifier.score([Pair(query, "ab")]))

    assert verdicts.items[0].score == 1.0


def _slow(seconds: float) -> float:
    time.sleep(seconds)  # a call that takes its time
    return seconds
