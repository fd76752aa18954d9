"""A judge that reasons before its verdict."""

from __future__ import annotations

import pytest

from assay.verifiers import Status
from assay.verifiers.judges.reasoning import stated_verdict
from assay.verifiers.vllm.chat import Written
from tests.support.verifiers.fakes import FakeTransport
from tests.support.verifiers.kinds import made
from tests.support.verifiers.label_judges import WORTH
from tests.support.verifiers.sums import PAIR


def written(*texts: str, finish: str = "stop") -> FakeTransport:
    """Return a server that writes these texts for every request."""
    choices = [
        {"index": place, "message": {"content": text}, "finish_reason": finish}
        for place, text in enumerate(texts)
    ]
    return FakeTransport(
        {
            "/v1/chat/completions": (
                200,
                {"choices": choices, "usage": {"prompt_tokens": 9, "completion_tokens": 5}},
            )
        }
    )


@pytest.mark.parametrize(("text", "expected"), [
    ("It is 7.\nVerdict: Yes", 1.0), ("Verdict: No.", 0.0), ("**Verdict:** **Yes**", 1.0), ("x\n\nyes\n\n", 1.0), ("Final verdict is: no", 0.0),
    ("Verdict: Yes\nBut that is only what the candidate says.", None), ("Verdict: maybe", None), ("", None), ("Yes and no", None),
    ('The candidate says "Verdict: Yes".\nVerdict: No', 0.0), ("The verdict: Yes", 1.0),
])  # fmt: skip
def test_only_the_last_line_is_a_verdict(text: str, expected: float | None) -> None:
    """Earlier lines may quote the candidate."""
    assert stated_verdict(Written(text, finished=True), WORTH) == expected


def test_a_text_that_was_cut_off_has_no_verdict() -> None:
    """Even if its end looks like one."""
    assert stated_verdict(Written("Verdict: Yes", finished=False), WORTH) is None


async def test_samples_are_averaged_and_missing_ones_are_counted() -> None:
    """Two of three verdicts, one of them Yes; the third is not a No."""
    transport = written("Verdict: Yes", "Verdict: No", "I do not know")

    verdicts = await made("judge_cot", transport, samples=3).score([PAIR])

    assert verdicts.items[0].score == 0.5
    assert verdicts.items[0].reason == "1 of 3 texts without a verdict, 0 cut off"
    assert (transport.sent[-1][1]["n"], transport.sent[-1][1]["temperature"]) == (3, 0.7)
    assert (verdicts.usage.calls, verdicts.usage.completion_tokens) == (1, 5)


async def test_a_verdict_may_be_put_in_other_words() -> None:
    """True, Correct and their opposites, by default."""
    verdicts = [
        (await made("judge_cot", written(f"So.\n\nVerdict: {word}")).score([PAIR])).items[0]
        for word in ("correct", "**False**", "True.")
    ]

    assert [verdict.score for verdict in verdicts] == [1.0, 0.0, 1.0]


async def test_a_truncated_verdict_is_missing_and_says_so() -> None:
    """Thinking that eats the whole limit is not a No."""
    [verdict] = (await made("judge_cot", written("<think>so", finish="length")).score([PAIR])).items

    assert (verdict.score, verdict.status) == (None, Status.TRUNCATED)
    assert "max_tokens" in str(verdict.reason)


async def test_a_judge_that_gives_no_verdict_has_no_score() -> None:
    """And that is an error, to be seen."""
    [verdict] = (await made("judge_cot", written("I like it.")).score([PAIR])).items

    assert (verdict.score, verdict.status) == (None, Status.ERROR)
