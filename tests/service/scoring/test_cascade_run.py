"""Asking in tiers through the running service: what is asked, what is answered, what is learned,
and what is told of it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.aggregation import Column, LabelModel, ServedModel
from assay.aggregation.cascade.tiers import Calls
from assay.aggregation.label_model.saved.artifact import save
from assay.service.concurrency.breaker import Breaker
from assay.service.concurrency.token_admission import TokenAdmission
from assay.service.config.model import ConfigError, load_config
from assay.service.domain.cascade_savings import CascadeSavings
from assay.service.domain.matrix import CachedColumn as CacheColumn
from assay.service.learning.tasks import Task
from assay.service.score_files.tables import read_table
from assay.service.scoring.cascade_policy import CascadePolicy
from assay.service.scoring.cascade_run import CascadeRun, capped
from assay.service.scoring.cost_meter import LEAST, Meter
from assay.service.scoring.guard import Guarded
from assay.service.scoring.request import EnsembleMember, ScoringRequest
from assay.service.scoring.scorer import Scorer
from assay.service.telemetry.metrics import Metrics
from assay.verifiers import Pair, Query
from tests.support.cascades import COSTS as SAMPLE_COSTS
from tests.support.cascades import cascade, model, query, sample
from tests.support.commands import problem, run, said
from tests.support.ensembles import small
from tests.support.fakes import FakeVerifier
from tests.support.processes import Server, service, write_config
from tests.support.reading_kind import installed
from tests.support.waiting import wait_until

COSTS = (0.0, 0.1, 1.0, 5.0, 20.0)
NAMES = [f"v{place}" for place in range(len(COSTS))]
POLICIES: dict[str, dict[str, Any]] = {
    "full": {},
    "cascade": {"policy": "cascade"},
    "auto": {"policy": "auto", "loss": 0.2},
    "strict": {"policy": "auto", "loss": 0.0},
    "early": {"policy": "cascade", "early": 1.0, "price": 0.002},
    "measured": {"policy": "cascade", "costs": "measured"},
    "careful": {"policy": "cascade", "price": 0.0},
    "own": {"policy": "cascade", "price": 1e9, "tiers": [["v4"], ["v1", "v2", "v3"], ["v0"]]},
}


def traffic(queries: int, seed: int) -> Iterator[tuple[str, list[str], list[float]]]:
    """Yield queries with candidates, whose words are their scores, and the truth."""
    random = np.random.default_rng(seed)
    for number in range(queries):
        truth = np.zeros(6)
        truth[random.integers(6)] = 1.0
        scores = random.normal(size=(6, len(COSTS))) + 2.0 * truth[:, None]
        yield (
            f"query {seed}.{number}",
            [" ".join(f"{value:.6f}" for value in row) for row in scores],
            truth.tolist(),
        )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with a task of each policy, all of which have learned from the same 80 queries,
    with two labels of each.
    """
    folder = tmp_path_factory.mktemp("cascade")
    verifiers = [
        {"name": name, "kind": "reading", "place": at, "cost": COSTS[at]}
        for at, name in enumerate(NAMES)
    ]
    config = write_config(folder / "e.yaml", {"verifiers": verifiers, "tasks": POLICIES})
    with service(config, folder, env=installed(folder)) as server:
        for task in POLICIES:
            labels = []
            for text, candidates, truth in traffic(80, 1):
                answer = server.post(
                    "/v1/rank", {"query": text, "candidates": candidates, "task": task}
                ).json
                labels += [
                    {"key": each["key"], "correct": truth[each["index"]], "random": True}
                    for each in answer["results"]
                    if each["index"] < 2
                ]
            wait_until(lambda task=task: server.get(f"/v1/tasks/{task}").json["requests"] == 80)
            assert server.post(f"/v1/tasks/{task}/labels", {"labels": labels}).json["durable"]
            wait_until(
                lambda task=task: server.post(f"/v1/tasks/{task}/fit", {}).status == 200
            )  # 409: it is being fitted by itself
            wait_until(lambda task=task: server.get(f"/v1/tasks/{task}").json["calibrated"])
            version = server.get(f"/v1/tasks/{task}").json["model_version"].partition("@")[2]
            server.post(
                f"/v1/tasks/{task}/models/{version}/promote", {"pinned": True}
            )  # another would be estimated anew
        yield server


def rank(
    running: Server, task: str, queries: int = 60, seed: int = 2, **more: Any
) -> list[dict[str, Any]]:
    """Return the answers to queries that nobody asked before."""
    asked = [
        {"query": text, "candidates": candidates, "task": task, "explain": True, **more}
        for text, candidates, _ in traffic(queries, seed)
    ]
    answers = [running.post("/v1/rank", body) for body in asked]
    assert {answer.status for answer in answers} == {200}, answers[0].json
    return [answer.json for answer in answers]


def asked_share(answers: list[dict[str, Any]]) -> float:
    """Return the share of scores that were asked for."""
    words = [
        word
        for answer in answers
        for result in answer["results"]
        for word in result["verifiers"].values()
    ]
    return float(np.mean([word["status"] != "skipped" for word in words]))


def test_a_cascade_asks_less_and_says_what_it_did_not(running: Server) -> None:
    """What was not asked is skipped with a reason, not failed; free verifiers are asked about
    all; the order is one.
    """
    answers = rank(running, "cascade")
    cut = [answer for answer in answers if answer["usage"].get("cascade", {}).get("cut")]

    assert len(cut) > 40
    assert asked_share(answers) < 0.8
    for answer in cut:
        usage = answer["usage"]["cascade"]
        assert 1 <= usage["tiers"] <= usage["of"] == 4
        assert usage["cut"] == sum(not result["fully_scored"] for result in answer["results"])
        assert 0 < usage["cost_share"] < 1
        assert answer["partial"] is False
        scores = [result["score"] for result in answer["results"]]
        assert scores == sorted(scores, reverse=True)
        for result in answer["results"]:
            assert result["verifiers"]["v0"]["status"] == "ok"
            words = result["verifiers"].values()
            assert result["fully_scored"] == all(word["status"] == "ok" for word in words)
            assert all(
                word["raw"] is None and word["reason"].startswith("not asked")
                for word in words
                if word["status"] == "skipped"
            )


def test_it_picks_what_everything_would_pick_nearly_always(running: Server) -> None:
    """And spends what the same queries spend offline, to the digit."""
    answers, whole = (
        rank(running, "cascade", seed=3),
        rank(running, "cascade", seed=3, policy="full"),
    )
    agree = np.mean(
        [
            one["results"][0]["index"] == other["results"][0]["index"]
            for one, other in zip(answers, whole, strict=True)
        ]
    )

    assert all(result["fully_scored"] for answer in whole for result in answer["results"])
    assert all("cascade" not in answer["usage"] for answer in whole)
    assert agree > 0.9


@pytest.mark.parametrize(
    ("task", "more"),
    [
        ("full", {}),
        ("careful", {}),
        ("cascade", {"policy": "full"}),
        ("strict", {}),
        ("strict", {"policy": "auto"}),
    ],
)
def test_where_the_policy_says_so_everything_is_asked(
    running: Server, task: str, more: dict[str, Any]
) -> None:
    """By default, at no price, by the request, and where the loss is not known to be small
    enough.
    """
    answers = rank(running, task, queries=10, seed=4, **more)

    assert asked_share(answers) == 1.0
    assert all(result["fully_scored"] for answer in answers for result in answer["results"])


def test_a_request_may_ask_for_it(running: Server) -> None:
    """Where its task would not; what is no policy is refused."""
    answers = rank(running, "full", queries=20, seed=5, policy="cascade")
    refused = running.post(
        "/v1/rank", {"query": "q", "candidates": ["1 1 1 1 1"], "policy": "cheap"}
    )

    assert asked_share(answers) < 0.9
    assert (refused.status, refused.json["error"]["param"]) == (422, "policy")


def test_auto_waits_until_it_was_seen_to_lose_little(running: Server) -> None:
    """Fifty queries in full, then tiers; what was seen is told."""
    before = running.get("/v1/tasks/auto").json["cascade"]["queries"]
    rank(running, "auto", queries=60 - min(before, 60), seed=6)
    wait_until(lambda: running.get("/v1/tasks/auto").json["cascade"]["queries"] >= 50)
    after = rank(running, "auto", queries=20, seed=7)
    told = running.get("/v1/tasks/auto").json

    assert asked_share(after) < 0.9
    assert told["policy"] == "auto"
    assert told["cascade"]["tiers"][0] == ["v0"]
    assert [name for tier in told["cascade"]["tiers"] for name in tier] != NAMES or len(
        told["cascade"]["tiers"]
    ) == 4
    low, high = told["cascade"]["loss_interval"]
    assert low <= told["cascade"]["loss"] <= high <= 0.2
    assert 0 < told["cascade"]["cost"] < 1
    assert told["cascade"]["agree"] > 0.8


def test_what_was_cut_is_never_learned_from(running: Server) -> None:
    """What is missing is missing because of the scores; queries in full are kept as ever."""
    before = running.get("/v1/tasks/cascade").json["requests"]
    answers = rank(running, "cascade", queries=40, seed=8)
    whole = sum(
        "cascade" not in answer["usage"] or not answer["usage"]["cascade"]["cut"]
        for answer in answers
    )
    rank(running, "cascade", queries=1, seed=9, policy="full")
    wait_until(lambda: running.get("/v1/tasks/cascade").json["requests"] >= before + whole + 1)

    assert running.get("/v1/tasks/cascade").json["requests"] == before + whole + 1


def test_an_operators_own_tiers(running: Server) -> None:
    """What is free first all the same; at a price beyond all worth nothing else is asked."""
    answers = rank(running, "own", queries=5, seed=10)
    told = running.get("/v1/tasks/own").json["cascade"]

    assert told["tiers"] == [["v0"], ["v4"], ["v1", "v2", "v3"]]
    cascaded = [answer for answer in answers if "cascade" in answer["usage"]]
    assert cascaded
    assert {answer["usage"]["cascade"]["tiers"] for answer in cascaded} == {1}


def test_costs_are_measured_and_used_where_asked_for(running: Server) -> None:
    """Seconds a candidate of each verifier are told; whose task says so goes by them, others by
    what is stated.
    """
    told = {task: running.get(f"/v1/tasks/{task}").json for task in ("measured", "cascade")}

    assert all(0 < told["measured"]["seconds_a_candidate"][name] < 1 for name in NAMES)
    assert told["measured"]["cascade"]["costs"] == "measured"
    assert told["cascade"]["cascade"]["costs"] == "stated"
    assert (
        told["measured"]["cascade"]["tiers"] != told["cascade"]["cascade"]["tiers"]
    )  # the free one is not free any more
    assert b"assay_candidate_seconds{" in running.get("/metrics").raw


def test_a_meter_charges_what_runs_at_once_once() -> None:
    """Two calls at the same time are one stretch of time; a failed one scores nobody; few say
    nothing.
    """
    meter = Meter()
    meter.begin()
    meter.begin()
    time.sleep(0.05)  # what the two calls take
    meter.end(LEAST - 1)
    assert meter.seconds is None
    meter.end(LEAST + 1)
    once = meter.seconds
    meter.begin()
    meter.end(0)

    assert once is not None
    assert 0.04 < once * 2 * LEAST < 5
    assert meter.candidates == 2 * LEAST


def test_a_budget_and_a_confidence_end_it(running: Server) -> None:
    """No tier that the budget does not reach; none once the first is as sure as wanted."""
    poor = [
        answer
        for answer in rank(running, "careful", queries=10, seed=11, budget={"cost": 8})
        if "cascade" in answer["usage"]
    ]
    sure = [
        answer
        for answer in rank(running, "careful", queries=20, seed=12, confidence=0.5)
        if "cascade" in answer["usage"]
    ]
    unsure = rank(running, "careful", queries=5, seed=13, confidence=0.999999)

    assert poor
    assert all(answer["usage"]["cost"] <= 8 for answer in poor)
    assert all(not any(result["fully_scored"] for result in answer["results"]) for answer in poor)
    assert all(
        answer["usage"]["cascade"]["cost_share"]
        == pytest.approx(answer["usage"]["cost"] / (6 * sum(COSTS)), abs=1e-3)
        for answer in poor
    )
    [bounded] = rank(running, "full", queries=1, seed=15, budget={"cost": 8})
    assert not any(result["fully_scored"] for result in bounded["results"])
    stopped = [
        answer
        for answer in sure
        if answer["usage"]["cascade"]["tiers"] < answer["usage"]["cascade"]["of"]
    ]
    assert stopped
    assert all(answer["results"][0]["probability"] >= 0.5 for answer in stopped)
    assert all(answer["warnings"] == [] for answer in sure)
    assert asked_share(unsure) == 1.0


def test_one_candidate_pairs_and_streams(running: Server) -> None:
    """One candidate and pairs are asked in full; a stream tells each verifier that was asked,
    and the same ranking.
    """
    [(text, candidates, _)] = traffic(1, 14)
    body = {"query": text, "task": "cascade", "explain": True}
    one = running.post("/v1/rank", {**body, "candidates": candidates[:1]}).json
    pair = running.post(
        "/v1/score_pairs",
        {
            "pairs": [{"query": text, "candidate": candidates[1]}],
            "task": "cascade",
            "explain": True,
        },
    ).json
    streamed = running.post(
        "/v1/rank", {**body, "candidates": candidates, "stream": True, "query": "streamed " + text}
    ).raw.decode()
    plain = running.post(
        "/v1/rank", {**body, "candidates": candidates, "query": "streamed " + text}
    ).json
    events = [json.loads(line[6:]) for line in streamed.splitlines() if line.startswith("data: ")]
    ranking, told = events[-1], [event["verifier"] for event in events[:-1]]

    assert all(
        word["status"] == "ok"
        for answer in (one, pair)
        for word in answer["results"][0]["verifiers"].values()
    )
    assert ranking["results"][0]["index"] == plain["results"][0]["index"]
    assert told[0] == "v0"
    assert len(told) == len(set(told))


def test_it_is_counted(running: Server) -> None:
    """Queries by tier, candidates cut, the estimates."""
    metrics = running.get("/metrics").raw.decode()

    for name in (
        "assay_cascade_queries_total{",
        "assay_cascade_cut_total{",
        "assay_cascade_loss{",
        "assay_cascade_cost{",
    ):
        assert name in metrics


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"policy": "cheap"}, "policy"),
        ({"price": -1}, "price"),
        ({"tiers": [["v0"]]}, "'v1' is in none of them"),
        (
            {"tiers": [["v0", "v1"], ["v1"]]},
            "'v1' is no verifier of its ensemble, or is named twice",
        ),
    ],
)
def test_wrong_settings_stop_the_start(tmp_path: Path, wrong: dict[str, Any], told: str) -> None:
    """With their place."""
    verifiers = [{"name": name, "kind": "length"} for name in NAMES[:2]]
    with pytest.raises(ConfigError, match=told):
        load_config(
            write_config(tmp_path / "e.yaml", {"verifiers": verifiers, "tasks": {"t": wrong}}),
            {},
            {},
        )


def test_estimates_add_up() -> None:
    """Of one version; a newer one's take the place of an older one's, and enough of them have to
    say that the loss is small.
    """
    one, other = CascadeSavings(1, 1, 0.3, 0.0, 0.0, 1), CascadeSavings(1, 1, 0.5, 0.1, 0.01, 0)
    both = one + other
    cascade_policy = CascadePolicy(
        "auto", wanted_loss=0.01, estimate=CascadeSavings(1, 60, 20.0, 0.1, 0.001, 58)
    )

    assert both.said() == {
        "queries": 2,
        "loss": 0.05,
        "loss_interval": pytest.approx([-0.048, 0.148]),
        "cost": 0.4,
        "agree": 0.5,
    }
    assert one + CascadeSavings(2, 5) == CascadeSavings(2, 5)
    assert one.interval is None
    assert cascade_policy.good_enough
    assert not CascadePolicy(
        "auto", wanted_loss=0.01, estimate=CascadeSavings(1, 49, 20.0, 0.0, 0.0, 49)
    ).good_enough
    assert not CascadePolicy(
        "auto", wanted_loss=0.001, estimate=CascadeSavings(1, 60, 20.0, 0.6, 0.01, 50)
    ).good_enough


def test_two_percent_of_the_traffic_is_asked_in_full() -> None:
    """And a model that rests on too few queries has no cascade."""
    cascade_policy = CascadePolicy("cascade", costs=(0.0, 0.1, 1.0, 2.0, 10.0, 30.0))
    cascade_policy.use_model(model(), 1)
    taken = [cascade_policy.cascade_for(None, 6, sampled=True) is None for _ in range(4000)]
    few = small(0, queries=30)
    poor = CascadePolicy("cascade", costs=cascade_policy.costs)
    poor.use_model(LabelModel().fit(few.scores, few.query_id, verifier_names=few.names), 1)

    assert 0.01 < np.mean(taken) < 0.035
    assert not any(cascade_policy.cascade_for(None, 6, sampled=False) is None for _ in range(100))
    assert cascade_policy.cascade_for(None, 1, sampled=False) is None
    assert cascade_policy.cascade_for("full", 6, sampled=False) is None
    assert poor.cascade is None


def test_a_cascade_run_is_the_replay_step_by_step() -> None:
    """The same candidates are asked the same tiers, and the first is its pick."""
    found = cascade(60)
    for number in range(60):
        scores = query(number)
        got, cascade_run = (
            found.replay(scores),
            CascadeRun(found, len(scores), None, lambda raw: raw[:, 0]),
        )
        raw = np.full(scores.shape, np.nan)
        while True:
            columns = np.array(cascade_run.columns)
            raw[np.ix_(cascade_run.kept, columns)] = scores[np.ix_(cascade_run.kept, columns)]
            if not cascade_run.go_on(raw):
                break
        log_odds = model(60).score_samples(raw, np.zeros(len(raw)))
        order = cascade_run.order(
            log_odds, list(range(len(raw))), cascade_run.reached == len(found.tiers)
        )

        assert cascade_run.reached.tolist() == got.reached.tolist()
        if cascade_run.tier + 1 < cascade_run.tiers:
            np.testing.assert_equal(raw[order[0]], raw[got.best])
        values = capped(log_odds, order)[order]
        assert (np.diff(values[~np.isnan(values)]) <= 0).all()


def test_answers_of_a_cascade_are_not_rows_to_fit(tmp_path: Path) -> None:
    """A query of which a candidate was cut is passed over; others are read."""
    verifiers = {"v": {"raw": 1.0}}
    whole = {"line": 1, "results": [{"fully_scored": True, "verifiers": verifiers}] * 2}
    cut = {
        "line": 2,
        "results": [
            {"fully_scored": True, "verifiers": verifiers},
            {"fully_scored": False, "verifiers": verifiers},
        ],
    }
    path = tmp_path / "out.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in (whole, cut)))

    assert read_table(path, labels=False).query_id.tolist() == ["1", "1"]


def test_the_command_draws_the_curve(tmp_path: Path) -> None:
    """Costs from a file, by verifier or by data set; the price for a wanted loss; what is wrong
    is told.
    """
    data = small(5, queries=120)
    np.savez(
        tmp_path / "s.npz",
        scores=data.scores,
        query_id=data.query_id,
        labels=data.labels,
        verifier_names=np.array(data.names),
    )
    costs: dict[str, Any] = {
        name: {"call": name, "cost": 2.0**place} for place, name in enumerate(data.names)
    }
    (tmp_path / "costs.json").write_text(json.dumps({"s": costs}))
    options = (
        "evaluate",
        tmp_path / "s.npz",
        "--cascade",
        "--costs",
        tmp_path / "costs.json",
        "--labels",
        "40",
        "--draws",
        "1",
        "--loss",
        "5",
    )
    told = said(*options, "--plot", tmp_path)
    shown = run(*options).output
    alike = said("evaluate", tmp_path / "s.npz", "--cascade", "--labels", "0")
    (tmp_path / "wrong.json").write_text(json.dumps({"v": 1}))

    assert Calls.of([each["cost"] for each in costs.values()]).total == 63
    assert told["price"]["loss"] <= 0.05
    assert Path(told["figures"][0]).stat().st_size > 10_000
    assert "price:" in shown
    assert alike["labels"] == 0
    assert "must be a cost" in problem(
        "evaluate", tmp_path / "s.npz", "--cascade", "--costs", tmp_path / "wrong.json"
    )


def test_a_model_from_a_file_cascades_too(tmp_path: Path) -> None:
    """It rests on enough queries, and learns nothing else."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(600, len(COSTS)))
    fitted = LabelModel().fit(
        scores + rng.normal(size=(600, 1)), np.repeat(np.arange(100), 6), verifier_names=NAMES
    )
    save(fitted, tmp_path / "m.json")
    verifiers = [
        {"name": name, "kind": "reading", "place": at, "cost": COSTS[at]}
        for at, name in enumerate(NAMES)
    ]
    tasks = {"t": {"model": "m.json", "policy": "cascade", "price": 0.5}}
    with service(
        write_config(tmp_path / "e.yaml", {"verifiers": verifiers, "tasks": tasks}),
        tmp_path,
        env=installed(tmp_path),
    ) as running:
        answers = rank(running, "t", queries=10)

    assert any("cascade" in answer["usage"] for answer in answers)
    assert asked_share(answers) < 0.9


class Nothing:
    """A cache, tasks and a writer that keep nothing."""

    async def read(self, *_: Any) -> dict[str, bytes]:
        """Know nothing."""
        return {}

    def __getattr__(self, name: str) -> Any:
        return lambda *_: {}


def scorer_of(fakes: list[FakeVerifier], early: float | None, price: float) -> tuple[Scorer, Task]:
    """Return a scorer of fakes, and a task that cascades over them."""
    names = [fake.name for fake in fakes]
    columns = tuple(Column(f"{at:016x}", name, None, 1.0, name) for at, name in enumerate(names))
    task = Task(
        "t",
        "e",
        columns,
        cascade_policy=CascadePolicy("cascade", price, costs=SAMPLE_COSTS, early=early),
    )
    task.use(ServedModel(model(), columns))
    members = [
        EnsembleMember(Guarded(fake, Breaker(5, 5)), CacheColumn(at, False), False)
        for at, fake in enumerate(fakes)
    ]
    nothing: Any = Nothing()
    return Scorer({"e": members}, nothing, nothing, nothing, Metrics(), TokenAdmission(None)), task


def _looked_up(known: list[float], pair: Pair) -> float:
    """Return the score of the candidate whose text is its place."""
    return known[int(pair.candidate)]


@pytest.mark.parametrize("early", [None, 1.0])
async def test_the_next_tier_starts_before_the_last_has_answered_where_it_is_known_to_be_wanted(
    early: float | None,
) -> None:
    """If the task is in a hurry: at no price everything is wanted, so nothing waits for the
    slowest of a tier.
    """
    found = cascade(price=0.0)
    slow = found.tiers[1].columns[0]
    values = query(0)
    fakes = []
    for at, name in enumerate(sample().names):
        known = values[:, at].tolist()
        fakes.append(FakeVerifier(name, partial(_looked_up, known), bounds=None))
    gate = fakes[slow].gate = asyncio.Event()
    scorer, task = scorer_of(fakes, early, 0.0)
    pairs = [Pair(Query.of("q"), str(place)) for place in range(len(values))]
    asking = asyncio.create_task(scorer.score(ScoringRequest(task, pairs, True, 30.0, learn=False)))
    later = found.tiers[2].columns[0]
    for _ in range(50):
        await asyncio.sleep(0)
    begun = bool(fakes[later].asked)
    gate.set()
    outcome = await asking

    assert begun is (early is not None)
    assert all(outcome.fully_scored)
    assert all(len(fake.asked) == 1 for fake in fakes)  # nobody is asked twice
    assert outcome.order[0] == int(np.nanargmax(outcome.combined.log_odds))


async def test_what_was_begun_early_and_is_not_wanted_is_left_and_its_cost_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The answer does not wait for it."""
    found = cascade(price=0.0)
    slow, later = found.tiers[1].columns[0], found.tiers[2].columns
    monkeypatch.setattr(
        CascadeRun, "_sure", lambda _, raw: not np.isnan(raw[:, slow]).any()
    )  # when the slow one has spoken
    fakes = [FakeVerifier(sample().names[at], 0.5, bounds=None) for at in range(6)]
    for column in (slow, *later):
        fakes[column].gate = asyncio.Event()  # those of the later tier never answer
    scorer, task = scorer_of(fakes, 1.0, 0.0)
    pairs = [Pair(Query.of("q"), str(place)) for place in range(3)]
    asking = asyncio.create_task(scorer.score(ScoringRequest(task, pairs, True, 30.0, learn=False)))
    for _ in range(50):
        await asyncio.sleep(0)
    begun = [column for column in later if fakes[column].asked]
    gate = fakes[slow].gate
    assert gate is not None
    gate.set()
    outcome = await asking
    await asyncio.sleep(0)

    assert begun == list(later)
    assert [fakes[column].cancelled for column in later] == [1] * len(later)
    assert outcome.given_up == 3 * sum(fakes[column].settings.cost for column in later)
    assert outcome.cost > outcome.given_up
    assert not any(outcome.fully_scored)
