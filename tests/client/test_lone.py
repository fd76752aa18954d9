"""Reward functions that trainers find by name."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from assay_client import AssayError, AsyncClient, NoScoreError, Retrying, lone
from assay_client.lone import process_run, rank_rows, score_one
from assay_client.settings import RewardKind, settings_of
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


@pytest.mark.parametrize("together", [False, True])
async def test_rows_of_one_prompt_are_a_group(together: bool) -> None:
    """In their order, wherever they stand; a gap has the mean of its own prompt.

    Each is scored alone, but to choose among them.
    """
    both = {"/v1/rank": ranking([1.0, None]), "/v1/score_pairs": pairs([1.0, None])}
    with answering_by_path(both) as server:
        async with AsyncClient(server.url) as client:
            rows = [("q", "a", None), ("p", "c", "7"), ("q", "b", None), ("p", "d", "7")]
            settings = settings_of(missing="group_mean")
            rewards = await rank_rows(rows, settings, client, together=together)
    assert rewards == [sigmoid(1.0)] * 4
    asked = [body if together else body["pairs"][0] for _, body in server.asked]
    assert sorted((body["query"], body.get("reference")) for body in asked) == [
        ("p", "7"),
        ("q", None),
    ]
    assert {path for path, _ in server.asked} == {"/v1/rank" if together else "/v1/score_pairs"}


@pytest.mark.parametrize(
    ("kind", "first"), [("probability", sigmoid(1.0)), ("log_odds", 1.0), ("rank", 0.75)]
)
async def test_a_choice_takes_the_numbers_of_the_group(kind: RewardKind, first: float) -> None:
    """It asks for no reward, which would be of each alone; ranks alone come from the service."""
    ranks: dict[str, Any] = {"reward": [0.75, 0.25]} if kind == "rank" else {}
    with answering_by_path({"/v1/rank": ranking([1.0, -1.0], **ranks)}) as server:
        async with AsyncClient(server.url) as client:
            rows = [("q", "a", None), ("q", "b", None)]
            rewards = await rank_rows(rows, settings_of(reward=kind), client, together=True)
    assert rewards[0] == first
    assert [body.get("reward") for _, body in server.asked] == ["rank" if kind == "rank" else None]


async def test_verifiers_of_both_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A roll-out fails, a rubric has the mean: there an error would be 0, and is refused."""
    task = SimpleNamespace(prompt="q", prompt_text="q", answer=None)
    trace = SimpleNamespace(last_reply="a")
    with answering_by_path({"/v1/score_pairs": pairs([None])}) as server:
        monkeypatch.setenv("ASSAY_URL", server.url)
        for stated in ("raise", "skip"):
            monkeypatch.setenv("ASSAY_MISSING", stated)
            with pytest.raises(NoScoreError):
                await reward(task, trace)
        monkeypatch.setenv("ASSAY_MISSING", "0.25")
        assert await reward(task, trace) == 0.25
        monkeypatch.delenv("ASSAY_MISSING")
    with answering_by_path({"/v1/score_pairs": pairs([1.0, None])}) as server:
        monkeypatch.setenv("ASSAY_URL", server.url)
        lone._CLIENTS.clear()
        asked = (["q", "q"], ["a", "b"], ["", ""])
        assert await rubric_function("math")(*asked) == [sigmoid(1.0)] * 2
        first, second = await rubric_function("math", missing="skip")(*asked)
    assert first == sigmoid(1.0)
    assert math.isnan(second)
    with pytest.raises(ValueError, match="takes an error for a reward of 0"):
        rubric_function("math", missing="raise")


@pytest.mark.parametrize(
    ("answer", "reference"),
    [(0, "0"), (7, "7"), (0.5, "0.5"), ("", None), (None, None), (math.nan, None), ("x", "x")],
)
async def test_a_rubrics_answer_is_its_reference(
    monkeypatch: pytest.MonkeyPatch, answer: Any, reference: str | None
) -> None:
    """A 0 is one; a gap of the data set is none."""
    with answering_by_path({"*": pairs([1.0])}) as server:
        monkeypatch.setenv("ASSAY_URL", server.url)
        await rubric_function("math")(["q"], ["a"], [answer])
    [(_, body)] = server.asked
    assert body["pairs"][0].get("reference") == reference


@pytest.mark.parametrize("info", [None, {}, {"index": 3}, {"question": ""}, {"prompt": []}])
async def test_verl_without_a_prompt_is_an_error(info: Any) -> None:
    """Before anything is asked, with the fields that the row has."""
    with pytest.raises(ValueError, match=r"no prompt: write it into each row's extra_info"):
        await compute_score("d", "a", None, info)


async def test_verl_reads_what_parquet_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrays of messages, and numbers of numpy."""
    turns = np.empty(2, dtype=object)
    turns[:] = [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}]
    with answering_by_path({"*": pairs([1.0])}) as server:
        monkeypatch.setenv("ASSAY_URL", server.url)
        for truth in (np.int64(7), np.str_("7"), np.array(7)):
            await compute_score("d", "a", truth, {"prompt": turns})
        await compute_score("d", "a", np.float64("nan"), {"question": np.str_("q")})
    sent = [body["pairs"][0] for _, body in server.asked]
    assert [pair.get("reference") for pair in sent] == ["7", "7", "7", None]
    assert [turn["content"] for turn in sent[0]["messages"]] == ["s", "q"]
    assert sent[3]["query"] == "q"


@pytest.mark.parametrize(
    "truth", [np.array(["4", "5"]), ["4"], {"target": np.array(["Paris"], dtype=object)}]
)
async def test_a_ground_truth_of_several_parts_is_no_reference(
    monkeypatch: pytest.MonkeyPatch, truth: Any
) -> None:
    """An error, unless it is left out."""
    with answering_by_path({"*": pairs([1.0])}) as server:
        monkeypatch.setenv("ASSAY_URL", server.url)
        with pytest.raises(ValueError, match="a text or a number"):
            await compute_score("d", "a", truth, {"question": "q"})
        await compute_score("d", "a", truth, {"question": "q"}, with_reference=False)
    [(_, body)] = server.asked
    assert "reference" not in body["pairs"][0]


async def test_a_lone_completion_has_no_rank() -> None:
    """A trainer that asks of one at a time learns it before the first reward."""
    with pytest.raises(ValueError, match="no rank"):
        await compute_score("d", "a", None, {"question": "q"}, reward="rank", missing=0.0)


async def test_a_kind_that_the_version_lacks_is_no_gap() -> None:
    """One number would stand for all rewards of the run; where none has a score, it is one."""
    lacking = {**pairs([1.0, -1.0], reward=[None, None]), "warnings": ["no_reward: no rates"]}
    settings = settings_of(reward="denoised", missing=0.0)
    rows = [("q", "a", None), ("q", "b", None)]
    with answering_by_path({"*": lacking}) as server:
        async with AsyncClient(server.url) as client:
            with pytest.raises(AssayError, match="no_reward: no rates"):
                await rank_rows(rows, settings, client)
    with answering_by_path({"*": pairs([None, None], reward=[None, None])}) as server:
        async with AsyncClient(server.url) as client:
            assert await rank_rows(rows, settings, client) == [0.0, 0.0]


@pytest.mark.parametrize("blank", ["", "  ", "\n", [], [{"role": "user", "content": " "}]])
async def test_verl_passes_over_a_blank_question(
    blank: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the prompt beside it; a row with nothing else is an error."""
    with answering_by_path({"*": pairs([1.0])}) as server:
        monkeypatch.setenv("ASSAY_URL", server.url)
        await compute_score("d", "a", None, {"question": blank, "prompt": "p"})
        for row in ({"question": blank}, {"question": blank, "prompt": blank}):
            with pytest.raises(ValueError, match="verl hands compute_score no prompt"):
                await compute_score("d", "a", None, row)
    [(_, body)] = server.asked
    assert body["pairs"][0]["query"] == "p"


@pytest.mark.parametrize("question", [["q"], [7], [{"content": "q"}], np.array(["q"])])
async def test_verl_refuses_a_question_of_another_form(question: Any) -> None:
    """With the form that it has, and what it should have."""
    with pytest.raises(ValueError, match="prompt: a text, or messages with `role` and `content`"):
        await compute_score("d", "a", None, {"question": question})
