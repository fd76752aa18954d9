"""Comparisons: their number, their order, and their result."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from assay.verifiers import Pair, Query, Status
from tests.support.verifiers.fakes import FakeTransport
from tests.support.verifiers.kinds import made

QUERY = Query.of("Which number is larger?")


BIAS = 0.2


class Biased:
    """A judge with a planted ranking: the answer's number, and a liking of 20 % for the first
    place, with noise.
    """

    def __init__(self, seed: int = 0, bias: float = BIAS) -> None:
        self.calls, self._bias, self.noise, self._chance = 0, bias, 0.5, random.Random(seed)

    def __call__(self, asked: dict[str, Any]) -> tuple[int, Any]:
        """Answer one conversation or a batch."""
        talks = asked["messages"] if isinstance(asked["messages"][0], list) else [asked["messages"]]
        self.calls += len(talks)
        return 200, {
            "choices": [
                self._choice(place, talk[-1]["content"]) for place, talk in enumerate(talks)
            ]
        }

    def _choice(self, place: int, prompt: str) -> dict[str, Any]:
        first, second = (
            float(part.split("\n</answer")[0].removeprefix("number "))
            for part in (prompt.split("<answer_a>\n")[1], prompt.split("<answer_b>\n")[1])
        )
        p = 1 / (1 + math.exp(-(first - second) / 8 - self._chance.gauss(0, self.noise)))
        p = min(0.999, max(0.001, p * (1 - self._bias) + self._bias))
        listed = [
            {"token": "A", "logprob": math.log(p)},
            {"token": "B", "logprob": math.log(1 - p)},
        ]
        return {"index": place, "logprobs": {"content": [{**listed[0], "top_logprobs": listed}]}}


def server(judge: Biased) -> FakeTransport:
    """Return a server that answers by text (it has no /tokenize), as other servers than vLLM do."""
    return FakeTransport({"/v1/chat/completions": judge, "/v1/chat/completions/batch": judge})


async def ranked(numbers: list[int], judge: Biased, **options: Any) -> dict[int, float]:
    """Return each number's score."""
    verdicts = (
        await made("judge_pairwise", server(judge), **options).score(
            [Pair(QUERY, f"number {each}") for each in numbers]
        )
    ).items
    return {
        number: verdict.score
        for number, verdict in zip(numbers, verdicts, strict=True)
        if verdict.score is not None
    }


@pytest.mark.parametrize(("count", "most"), [(2, 2), (5, 20), (8, 24), (33, 166), (64, 384)])
async def test_the_number_of_comparisons_is_bounded(count: int, most: int) -> None:
    """Each in both orders; from 6 candidates on at most n·log2(n) in all, 384 for 64."""
    judge = Biased()

    scores = await ranked(list(range(count)), judge)

    assert len(scores) == count
    assert judge.calls <= most


async def test_a_planted_ranking_is_found_through_noise_and_a_liking_for_the_first_place() -> None:
    """64 candidates, 384 calls."""
    scores = await ranked(list(range(64)), Biased())

    assert spearmanr(list(scores.keys()), list(scores.values())).statistic > 0.9
    assert max(scores, key=scores.__getitem__) >= 56


async def test_the_order_of_the_request_makes_no_difference() -> None:
    """In distribution: over many noisy judges, a candidate's mean score is the same wherever it
    stands.
    """
    numbers = list(range(12))
    there = [await ranked(numbers, Biased(seed)) for seed in range(60)]
    back = [await ranked(numbers[::-1], Biased(seed + 1000)) for seed in range(60)]

    for number in numbers:
        one, two = ([scores[number] for scores in each] for each in (there, back))
        error = math.sqrt((np.var(one) + np.var(two)) / 60)
        assert abs(np.mean(one) - np.mean(two)) < 4 * error + 0.01, number


async def test_two_equal_answers_tie_whatever_the_place_is_worth() -> None:
    """The judge sees both orders; the mean counts, and the reason shows the swing."""
    judge = Biased(bias=0.6)
    judge.noise = 0.0

    verdicts = (
        await made("judge_pairwise", server(judge)).score(
            [Pair(QUERY, "number 3"), Pair(QUERY, "number 3.0")]
        )
    ).items

    assert [verdict.score for verdict in verdicts] == pytest.approx([0.5, 0.5])
    assert verdicts[0].reason == "the order decided 1 of 1 comparisons"


async def test_the_same_text_twice_has_one_score_and_one_alone_none() -> None:
    """A candidate does not compete with itself."""
    judge = made("judge_pairwise", server(Biased()))

    doubled = (await judge.score([Pair(QUERY, f"number {each}") for each in (1, 9, 1)])).items
    alone = (await judge.score([Pair(QUERY, "number 1")])).items

    assert doubled[0].score == doubled[2].score
    assert (alone[0].score, alone[0].status) == (None, Status.NOT_APPLICABLE)


async def test_what_is_no_answer_takes_no_part() -> None:
    """It has lost already, and costs no call."""
    judge = Biased()
    verdicts = (
        await made("judge_pairwise", server(judge)).score(
            [Pair(QUERY, "number 1"), Pair(QUERY, ":"), Pair(QUERY, "number 60")]
        )
    ).items

    assert judge.calls == 2
    assert verdicts[1].score == 0.0
    assert (verdicts[0].score or 0) < (verdicts[2].score or 0)


async def test_a_candidate_that_is_too_long_has_no_score_and_the_others_have() -> None:
    """One refused comparison does not spoil the rest."""
    judge = Biased()

    def answer(asked: dict[str, Any]) -> tuple[int, Any]:
        talks = asked["messages"] if isinstance(asked["messages"][0], list) else [asked["messages"]]
        if any("number 77" in talk[-1]["content"] for talk in talks):
            return 400, {
                "error": {
                    "message": "This model's maximum context length is 10 tokens",
                    "param": "input_tokens",
                }
            }
        return judge(asked)

    transport = FakeTransport(
        {"/v1/chat/completions": answer, "/v1/chat/completions/batch": answer}
    )
    pairs = [Pair(QUERY, f"number {each}") for each in (1, 77, 2, 3)]

    verdicts = (await made("judge_pairwise", transport).score(pairs)).items

    assert [verdict.status for verdict in verdicts] == [
        Status.OK,
        Status.TRUNCATED,
        Status.OK,
        Status.OK,
    ]
    assert verdicts[1].score is None
