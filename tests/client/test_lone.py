"""Reward functions that trainers find by name."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
from assay_client import AsyncClient, NoScoreError, Retrying
from assay_client.lone import process_run, rank_rows, score_one
from assay_client.settings import settings_of
from assay_client.verifiers import reward, rubric_function
from assay_client.verl import compute_score

from tests.client.answers import pairs, problem, ranking, sigmoid
from tests.support.http.canned_server import answering_by_path

ONCE = Retrying(tries=1)


async def test_a_process_is_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call has its name, and the first answer's version."""
    with answering_by_path({"*": pairs([1.0])}) as server:
        monkeypatch.setenv("ASSAY_URL", server.url)
        first = await compute_score("d", "a", None, {"question": "q"})
    assert first == {"score": sigmoid(1.0), "assay_score": 1.0, "assay_missing": 0.0}
    assert process_run().version == "math@1"


async def test_verl_has_a_number_or_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It can leave nothing out, and knows no group."""
    with answering_by_path({"*": pairs([None])}) as server:
        async with AsyncClient(server.url) as client:
            settings = settings_of(missing=0.0)
            assert await score_one("q", "a", None, settings, client) == (0.0, None)
            with pytest.raises(NoScoreError):
                await score_one("q", "a", None, settings_of(missing="raise"), client)
    for word in ("skip", "group_mean"):
        with pytest.raises(ValueError, match=f"missing='{word}': verl"):
            await compute_score("d", "a", None, missing=word)


async def test_a_service_without_a_score_is_a_gap() -> None:
    """For one pair, and for rows that are ranked together."""
    with answering_by_path({"*": problem("no_verifier")}, status=503) as server:
        async with AsyncClient(server.url, retrying=ONCE) as client:
            assert await score_one("q", "a", None, settings_of(missing=0.5), client) == (0.5, None)
            rows = [("q", "a", None), ("q", "b", None)]
            gaps = await rank_rows(rows, settings_of(missing="skip"), client, math.nan)
    assert all(gap is not None and math.isnan(gap) for gap in gaps)


async def test_rows_of_one_prompt_are_ranked_together() -> None:
    """In their order, wherever they stand; a gap has the mean of its own prompt."""
    with answering_by_path({"*": ranking([1.0, None])}) as server:
        async with AsyncClient(server.url) as client:
            rows = [("q", "a", None), ("p", "c", "7"), ("q", "b", None), ("p", "d", "7")]
            rewards = await rank_rows(rows, settings_of(missing="group_mean"), client)
    assert rewards == [sigmoid(1.0)] * 4
    assert sorted((body["query"], body.get("reference")) for _, body in server.asked) == [
        ("p", "7"),
        ("q", None),
    ]


async def test_verifiers_of_both_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A roll-out fails, a rubric has the mean: there an error would be 0, and is refused."""
    task = SimpleNamespace(prompt="q", prompt_text="q", answer=None)
    trace = SimpleNamespace(last_reply="a")
    with answering_by_path(
        {"/v1/score_pairs": pairs([None]), "/v1/rank": ranking([1.0, None])}
    ) as server:
        monkeypatch.setenv("ASSAY_URL", server.url)
        for stated in ("raise", "skip"):
            monkeypatch.setenv("ASSAY_MISSING", stated)
            with pytest.raises(NoScoreError):
                await reward(task, trace)
        monkeypatch.setenv("ASSAY_MISSING", "0.25")
        assert await reward(task, trace) == 0.25
        monkeypatch.delenv("ASSAY_MISSING")
        asked = (["q", "q"], ["a", "b"], ["", ""])
        assert await rubric_function("math")(*asked) == [sigmoid(1.0)] * 2
        first, second = await rubric_function("math", missing="skip")(*asked)
    assert first == sigmoid(1.0)
    assert math.isnan(second)
    with pytest.raises(ValueError, match="takes an error for a reward of 0"):
        rubric_function("math", missing="raise")
