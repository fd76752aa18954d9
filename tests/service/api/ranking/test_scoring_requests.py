"""A body as the request to score."""

from __future__ import annotations

from typing import Any

import pytest

from assay.service.api.errors import ApiError
from assay.service.api.ranking import scoring_requests
from assay.service.api.requests import RankRequest, ScorePairsRequest
from assay.service.concurrency.offload import to_be_read
from assay.verifiers import Pair, Query
from tests.support.http.handler_requests import engine_of, named_task, request_to

RANK = {"query": "q", "candidates": ["c0", {"text": "c1", "id": "x"}], "task": "t"}


def test_a_query_is_read_with_each_of_its_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """So a long one with many candidates is too much, and one at the bound is not."""
    pairs = [Pair(Query.of("q" * 10), "c") for _ in range(4)]
    total = to_be_read(pairs, True)

    monkeypatch.setattr(scoring_requests, "MOST_READ", total)
    scoring_requests.check_length(pairs, one_query=True)
    monkeypatch.setattr(scoring_requests, "MOST_READ", total - 1)
    with pytest.raises(ApiError) as caught:
        scoring_requests.check_length(pairs, one_query=True)

    assert (caught.value.status, caught.value.code) == (413, "too_much_text")


def test_a_request_says_what_to_score_and_what_to_answer_besides() -> None:
    """Missing options come from the service, or stay empty."""
    engine = engine_of(named_task("t"), deadline_ms=5000)
    asked = RankRequest.model_validate({**RANK, "top_n": 1, "budget": {"calls": 3}})

    scoring_request, besides = scoring_requests.scoring_request_from(
        engine, asked, engine.task("t", None), "7"
    )

    assert [pair.candidate for pair in scoring_request.pairs] == ["c0", "c1"]
    assert (scoring_request.one_query, scoring_request.deadline_s) == (True, 5.0)
    assert scoring_request.budget is not None
    assert scoring_request.budget.calls == 3
    assert (besides["request_id"], besides["ids"], besides["top_n"]) == ("rank-7", [None, "x"], 1)
    assert scoring_requests.deadline_s(engine, 250) == 0.25


@pytest.mark.parametrize("field", ["run", "version"])
def test_a_row_of_a_bulk_job_has_no_run(field: str) -> None:
    """All rows get the version that is served; whether one teaches is its own."""
    engine = engine_of(named_task("t"))
    row = RankRequest.model_validate({**RANK, field: "t@1"})
    quiet = RankRequest.model_validate({**RANK, "learn": False})

    with pytest.raises(ApiError, match="a bulk job has none") as caught:
        scoring_requests.scoring_request_from(engine, row, engine.task("t", None), "7")
    plain, _ = scoring_requests.scoring_request_from(engine, quiet, engine.task("t", None), "7")

    assert (caught.value.status, caught.value.param) == (422, field)
    assert not plain.learn


@pytest.mark.parametrize("options", [{"budget": {"calls": 1}}, {"budget": {"cost": 0.0}}])
@pytest.mark.parametrize("model", [RankRequest, ScorePairsRequest])
def test_a_run_has_no_budget(options: dict[str, Any], model: type[Any]) -> None:
    """Wherever the run is named; without one there may be one."""
    assert refusals_in_run(options, model) == [(422, "budget", "not_in_run")] * 2


@pytest.mark.parametrize(
    "options", [{"confidence": 0.9}, {"policy": "cascade"}, {"policy": "auto"}]
)
def test_a_run_has_no_cascade(options: dict[str, Any]) -> None:
    """And its own policy, full, is not refused."""
    refused = (422, next(iter(options)), "not_in_run")
    assert refusals_in_run(options, RankRequest) == [refused] * 2
    payload = RankRequest.model_validate({**TEXTS[RankRequest], "run": "night", "policy": "full"})
    scoring_requests.refuse_cuts_in_run(request_to(None), payload)


TEXTS: dict[Any, dict[str, Any]] = {
    RankRequest: {"query": "q", "candidates": ["a"]},
    ScorePairsRequest: {"pairs": [{"query": "q", "candidate": "a"}]},
}


def refusals_in_run(options: dict[str, Any], model: type[Any]) -> list[tuple[int, str, str]]:
    """Return status, field and code with a run in a header, then in the body.

    The options pass without a run, and a run without the options.
    """
    alone = model.model_validate({**TEXTS[model], **options})
    scoring_requests.refuse_cuts_in_run(request_to(None), alone)
    scoring_requests.refuse_cuts_in_run(
        request_to(None), model.model_validate({**TEXTS[model], "run": "r"})
    )
    named = request_to(None)
    named.scope["headers"] = [(b"x-assay-run", b"night")]
    stated = model.model_validate({**TEXTS[model], **options, "run": "night"})
    refusals = []
    for request, payload in ((named, alone), (request_to(None), stated)):
        with pytest.raises(ApiError) as raised:
            scoring_requests.refuse_cuts_in_run(request, payload)
        refusals.append((raised.value.status, str(raised.value.param), str(raised.value.code)))
    return refusals
