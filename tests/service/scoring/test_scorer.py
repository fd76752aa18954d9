"""Asking verifiers: limits, breaker, sharing of calls under way, budgets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest
import structlog
from structlog.testing import capture_logs

from assay import aggregation
from assay.service.concurrency.breaker import Breaker
from assay.service.concurrency.single_flight import Call, SingleFlight, Subscription
from assay.service.concurrency.token_admission import TokenAdmission
from assay.service.config.settings import ServiceSettings
from assay.service.domain.budget import Budget, affordable
from assay.service.domain.matrix import CachedColumn, ScoreMatrix
from assay.service.learning.tasks import Task
from assay.service.scoring.guard import Guarded
from assay.service.scoring.request import EnsembleMember, ScoringRequest
from assay.service.scoring.scorer import Scorer
from assay.service.telemetry.logs import configure_logging
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import (
    KINDS,
    Pair,
    RefusedError,
    Status,
    UnreachableError,
    Usage,
    Verdict,
    VerifierSettings,
)
from tests.support.fakes import FakeVerifier
from tests.support.scorers import Q


def guarded(verifier: FakeVerifier, failures: int = 2, reset_s: float = 60.0) -> Guarded:
    """Put limits around a fake."""
    return Guarded(verifier, Breaker(failures, reset_s))


def join(flight: SingleFlight, guard: Guarded, texts: Sequence[str]) -> list[Subscription]:
    """Ask about texts, as one request would."""
    return flight.join(
        Call(guard, 1, 0, range(len(texts)), list(texts), [Pair(Q, text) for text in texts])
    )


async def collected(shares: Sequence[Subscription]) -> list[float | None]:
    """Wait for shares and return the scores in the request's order."""
    await asyncio.wait({share.call.task for share in shares})
    scores = {row: verdict.score for share in shares for row, verdict in share.verdicts()}
    return [scores[row] for row in sorted(scores)]


async def test_a_failure_becomes_a_verdict_for_each_pair() -> None:
    """With its status and reason; nothing is raised."""
    verdicts = await guarded(FakeVerifier("v", UnreachableError("refused"))).score(
        [Pair(Q, "a"), Pair(Q, "b")]
    )

    assert [(each.score, each.status, each.reason) for each in verdicts.items] == [
        (None, Status.ERROR, "unreachable: refused")
    ] * 2


async def test_a_bug_in_a_verifier_is_its_own_failure() -> None:
    """Not the request's."""
    [verdict] = (await guarded(FakeVerifier("v", KeyError("oops"))).score([Pair(Q, "a")])).items

    assert (verdict.score, verdict.status, verdict.reason) == (
        None,
        Status.ERROR,
        "error: KeyError",
    )


async def test_a_slow_verifier_times_out_waiting_included() -> None:
    """The second call spends its time waiting for the only place."""
    verifier = FakeVerifier(
        "v", options={"timeout_s": 0.05, "concurrency": 1}, gate=asyncio.Event()
    )
    guard = guarded(verifier, failures=9)

    first, second = await asyncio.gather(guard.score([Pair(Q, "a")]), guard.score([Pair(Q, "b")]))

    assert first.items[0].status is second.items[0].status is Status.TIMEOUT
    assert "waiting for a place" in (second.items[0].reason or "")
    assert len(verifier.asked) == 1


async def test_the_breaker_opens_after_failures_in_a_row_and_lets_one_call_try() -> None:
    """Closed again when that one succeeds."""
    verifier = FakeVerifier("v", UnreachableError("refused"))
    guard = guarded(verifier, failures=2, reset_s=0.05)
    for _ in range(5):
        last = await guard.score([Pair(Q, "a")])
    assert len(verifier.asked) == 2
    assert (last.items[0].reason or "").startswith("breaker_open")

    await asyncio.sleep(0.06)
    verifier.says = 0.5
    again = await guard.score([Pair(Q, "a")])
    after = await guard.score([Pair(Q, "a")])

    assert again.items[0].score == after.items[0].score == 0.5


async def test_a_refusal_closes_the_breaker() -> None:
    """The server is there again; what it says of the request is the request's own trouble."""
    verifier = FakeVerifier("v", UnreachableError("refused"))
    guard = guarded(verifier, failures=1, reset_s=0.05)
    await guard.score([Pair(Q, "a")])
    await asyncio.sleep(0.06)
    verifier.says = RefusedError("no such model", 404)

    said = [(await guard.score([Pair(Q, "a")])).items[0].reason for _ in range(3)]

    assert said == ["upstream_4xx: no such model"] * 3


async def test_only_one_call_probes_an_open_breaker() -> None:
    """The others are told at once; a probe that is cancelled is neither a success nor a failure."""
    breaker = Breaker(1, 0.05)
    breaker.failed()
    assert not breaker.allow()

    await asyncio.sleep(0.06)

    assert [breaker.allow(), breaker.allow(), breaker.allow()] == [True, False, False]
    await asyncio.sleep(0.06)
    assert breaker.allow()


async def test_identical_pairs_under_way_are_asked_once() -> None:
    """By two requests, and twice in one."""
    gate = asyncio.Event()
    verifier = FakeVerifier("v", lambda pair: len(pair.candidate) / 10, gate=gate)
    flight, guard = SingleFlight(), guarded(verifier)

    first = join(flight, guard, ["a", "bb", "a"])
    second = join(flight, guard, ["bb", "ccc"])
    gate.set()

    assert await collected(first) == [0.1, 0.2, 0.1]
    assert await collected(second) == [0.2, 0.3]
    assert verifier.asked == [["a", "bb"], ["ccc"]]
    assert [share.owner for share in second] == [False, True]
    assert len(flight) == 0


async def test_a_call_is_cancelled_when_the_last_who_wants_it_leaves() -> None:
    """And not before."""
    verifier = FakeVerifier("v", gate=asyncio.Event())
    flight, guard = SingleFlight(), guarded(verifier)
    first, second = join(flight, guard, ["a"]), join(flight, guard, ["a"])
    await asyncio.sleep(0)

    flight.release(first)
    await asyncio.sleep(0)
    assert verifier.cancelled == 0
    flight.release(second)
    await asyncio.wait({second[0].call.task})

    assert verifier.cancelled == 1
    assert len(flight) == 0


async def test_a_call_that_was_given_up_is_not_joined() -> None:
    """Who asks in the moment before it is gone starts another."""
    gate = asyncio.Event()
    verifier = FakeVerifier("v", 0.5, gate=gate)
    flight, guard = SingleFlight(), guarded(verifier)
    first = join(flight, guard, ["a"])
    await asyncio.sleep(0)

    flight.release(first)
    second = join(flight, guard, ["a"])
    gate.set()

    assert await collected(second) == [0.5]
    assert first[0].call is not second[0].call
    assert len(flight) == 0


async def test_batches_have_the_size_that_was_asked_for() -> None:
    """The rest goes into a smaller one."""
    verifier = FakeVerifier("v", options={"batch_size": 3})

    shares = join(SingleFlight(), guarded(verifier), [str(place) for place in range(8)])
    await collected(shares)

    assert [len(batch) for batch in verifier.asked] == [3, 3, 2]


async def test_too_few_verdicts_are_an_error() -> None:
    """A verifier that loses rows is not believed."""

    class Lossy(FakeVerifier):
        async def score(self, pairs: Sequence[Pair]):  # type: ignore[no-untyped-def]
            return await super().score(pairs[1:])

    verdicts = await guarded(Lossy("v")).score([Pair(Q, "a"), Pair(Q, "b")])

    assert [each.status for each in verdicts.items] == [Status.ERROR] * 2


@pytest.mark.parametrize(
    ("budget", "left_out"),
    [
        (Budget(), []),
        (Budget(cost=3), [1]),
        (Budget(cost=2), [0, 1]),
        (Budget(calls=0), [0]),
        (Budget(tokens=5), [0]),
        (Budget(cost=0), [0, 1, 2]),
    ],
)
def test_a_budget_reaches_the_cheapest_first(budget: Budget, left_out: list[int]) -> None:
    """Served verifiers make calls and read tokens; local ones only cost."""
    served = KINDS["cross_encoder"].settings(
        name="s", kind="cross_encoder", model="m", endpoint="http://x", cost=0.75
    )  # type: ignore[call-arg]
    verifiers = [
        served,
        VerifierSettings(name="dear", kind="fake", cost=5),
        VerifierSettings(name="cheap", kind="fake", cost=0.5),
    ]

    assert (
        sorted(affordable(budget, verifiers, ScoreMatrix(2, 3), [Pair(Q, "x" * 20)] * 2)[0])
        == left_out
    )


class Kept:
    """A writer that keeps what it is handed, and a cache that packs whatever it is asked to."""

    def __init__(self) -> None:
        self.scores: list[object] = []
        self.rows: list[object] = []

    async def read(self, *_: object) -> dict[str, bytes]:
        """Know nothing."""
        return {}

    def pack(self, *_: object) -> list[str]:
        """Pack a request."""
        return ["packed"]

    def put_scores(self, values: object) -> None:
        """Keep scores."""
        self.scores.append(values)

    def put_rows(self, rows: object) -> None:
        """Keep rows."""
        self.rows.append(rows)


@pytest.mark.parametrize("broken", ["metrics.asked", "metrics.scored", "cache.pack", "tasks.pack"])
async def test_what_one_step_of_the_bookkeeping_does_not_take_loses_nothing_of_the_others(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is for itself, counted and logged by its name; the answer was given before."""
    kept, metrics, cache, tasks = Kept(), Metrics(), Kept(), Kept()

    def fail(*_: object) -> None:
        raise ValueError("a number that it does not take")

    owner, name = broken.split(".")
    monkeypatch.setattr({"metrics": metrics, "cache": cache, "tasks": tasks}[owner], name, fail)
    columns = (aggregation.Column("v", "v", None, 1.0, "v"),)
    members = [EnsembleMember(guarded(FakeVerifier("v")), CachedColumn(1, False), False)]
    scorer = Scorer(
        {"e": members},
        cast(Any, cache),
        cast(Any, tasks),
        cast(Any, kept),
        metrics,
        TokenAdmission(None),
    )

    with capture_logs() as logs:
        outcome = await scorer.score(
            ScoringRequest(Task("t", "e", columns), [Pair(Q, "a"), Pair(Q, "b")], True, 30.0)
        )
        await asyncio.sleep(0)

    assert outcome.matrix.raw.tolist() == [[0.5], [0.5]]
    assert (len(kept.scores), len(kept.rows)) == {"cache.pack": (0, 1), "tasks.pack": (1, 0)}.get(
        broken, (1, 1)
    )
    [line] = [each for each in logs if each["event"] == "bookkeeping_failed"]
    step = {"metrics": "count", "cache": "remember", "tasks": "note"}[owner]
    assert (line["step"], line["error"]) == (step, "ValueError")
    assert f'assay_bookkeeping_failures_total{{step="{step}"}} 1.0' in metrics.text().decode()


@pytest.mark.parametrize("score", [1.5, -0.1, float("nan"), float("inf")])
async def test_a_verifier_of_ones_own_keeps_to_its_bounds(score: float) -> None:
    """A score outside them is that candidate's failure, and never remembered."""
    verifier = FakeVerifier("v", lambda pair: score if pair.candidate == "bad" else 0.5)

    good, bad = (await guarded(verifier).score([Pair(Q, "good"), Pair(Q, "bad")])).items

    assert (good.status, good.score) == (Status.OK, 0.5)
    assert (bad.status, bad.score) == (Status.ERROR, None)
    assert (bad.reason or "").startswith("bad_reply: the score")


def test_a_cost_that_is_no_number_is_counted_as_misread() -> None:
    """By verifier; the calls beside it count as they are."""
    metrics = Metrics()
    metrics.asked("v", 0.1, Usage(2, 5, 0, 1))

    text = metrics.text().decode()
    assert 'assay_misread_usage_total{verifier="v"} 1.0' in text
    assert 'assay_tokens_total{verifier="v",what="read"} 5.0' in text


@pytest.mark.parametrize("as_json", [False, True])
async def test_no_text_of_a_request_is_logged_with_a_bug(as_json: bool) -> None:
    """An exception's message may repeat a candidate; its frames and type, and those of what led
    to it, are enough.
    """

    def trips(pair: Pair) -> float:
        try:
            return float(pair.candidate)
        except ValueError as exc:
            raise KeyError(pair.candidate) from exc

    before = structlog.get_config()
    try:
        configure_logging(ServiceSettings(log_json=as_json))
        with structlog.testing.capture_logs(
            processors=structlog.get_config()["processors"][:-1]
        ) as lines:
            await guarded(FakeVerifier("v", trips)).score([Pair(Q, "my secret text")])
    finally:
        structlog.configure(**before)

    [line] = lines
    assert line["event"] == "verifier_bug"
    assert "my secret text" not in str(line)
    assert all(
        part in line["exception"] for part in ("ValueError", "KeyError", "in trips", "guard.py")
    )


@pytest.mark.parametrize(("left_out", "noted"), [(-5, 0), (7, 7), (10**12, 2**32 - 1)])
def test_what_was_left_out_is_noted_as_far_as_it_can_be(left_out: int, noted: int) -> None:
    """A verifier of one's own may say anything; the request does not fail for it."""
    matrix = ScoreMatrix(1, 1)

    matrix.put(0, 0, Verdict(0.5, truncated_tokens=left_out))

    assert matrix.truncated[0, 0] == noted


async def test_what_many_pairs_bring_is_with_the_writer_before_the_service_ends() -> None:
    """However many requests were answered a moment before."""
    kept, metrics, cache, tasks = Kept(), Metrics(), Kept(), Kept()
    cast(Any, cache).packing = lambda *_: iter([{"a": b"1"}])
    cast(Any, tasks).packing = lambda *_: iter(range(600))
    members = [EnsembleMember(guarded(FakeVerifier("v")), CachedColumn(1, False), False)]
    scorer = Scorer(
        {"e": members},
        cast(Any, cache),
        cast(Any, tasks),
        cast(Any, kept),
        metrics,
        TokenAdmission(None),
    )
    task = Task("t", "e", (aggregation.Column("v", "v", None, 1.0, "v"),))

    await asyncio.gather(
        *(
            scorer.score(
                ScoringRequest(task, [Pair(Q, f"{n} {place}") for place in range(600)], True, 30.0)
            )
            for n in range(5)
        )
    )
    await scorer.all_kept()

    assert sorted(len(rows) for rows in cast(Any, kept.rows)) == sorted([256, 256, 88] * 5)
    assert kept.scores == [{"a": b"1"}] * 5


async def test_what_many_pairs_bring_is_kept_in_parts_of_which_one_may_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Others have their turn between the parts; a failure in a later one is counted like one in
    the first.
    """
    kept, metrics, cache, tasks = Kept(), Metrics(), Kept(), Kept()

    def packing(*_: object) -> Iterator[object]:
        yield {"a": b"1"}
        raise ValueError("a number that it does not take")

    monkeypatch.setattr(cache, "packing", packing, raising=False)
    monkeypatch.setattr(tasks, "packing", lambda *_: iter(range(600)), raising=False)
    members = [EnsembleMember(guarded(FakeVerifier("v")), CachedColumn(1, False), False)]
    scorer = Scorer(
        {"e": members},
        cast(Any, cache),
        cast(Any, tasks),
        cast(Any, kept),
        metrics,
        TokenAdmission(None),
    )
    columns = (aggregation.Column("v", "v", None, 1.0, "v"),)

    await scorer.score(
        ScoringRequest(
            Task("t", "e", columns), [Pair(Q, str(place)) for place in range(600)], True, 30.0
        )
    )
    seen = []
    for _ in range(12):
        await asyncio.sleep(0)
        seen.append((len(kept.scores), [len(rows) for rows in cast(Any, kept.rows)]))

    assert seen[:2] == [(0, []), (1, [])]
    assert seen[-1] == (1, [256, 256, 88])
    assert len({str(each) for each in seen}) == 5  # a part a turn
    assert 'assay_bookkeeping_failures_total{step="remember"} 1.0' in metrics.text().decode()
