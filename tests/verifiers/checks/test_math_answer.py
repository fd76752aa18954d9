"""The checks that need no model: by reference, schema, pattern and signal."""

from __future__ import annotations

import asyncio

import pytest

from assay.verifiers import Pair, Query, Status
from assay.verifiers.checks.math_answer import MathAnswer, MathAnswerSettings
from tests.support.verifiers.check_verdicts import verdict_of
from tests.support.verifiers.kinds import made

#: math-verify computes the tower, in C, where no alarm reaches it.
HANGS = r"\boxed{\dfrac{5^{\left(5^{\left(5^{\left(5^5\right)}\right)} - 4\right)} - %d}{16}}"


async def test_mathematics_that_hangs_costs_no_other_answer_its_score() -> None:
    """Not in the same call, and not in another one."""
    pytest.importorskip("math_verify")
    verifier = MathAnswer(MathAnswerSettings(name="m", timeout_s=40.0, time_limit_s=4.0))
    await verifier.warm_up()
    query = Query.of("q", "7")
    hanging = [Pair(query, HANGS % place) for place in range(12)]
    beyond = [
        Pair(query, f"{place}. The answer is 9.") for place in range(70)
    ]  # more than are compared in one call
    honest = [Pair(query, "The answer is 7."), Pair(query, "The answer is 8.")]

    mixed, alone = await asyncio.gather(
        verifier.score([*hanging, *beyond, *honest]), verifier.score(honest)
    )

    assert [verdict.score for verdict in mixed.items[12:]] == [0.0] * 70 + [1.0, 0.0]
    assert [verdict.score for verdict in alone.items] == [1.0, 0.0]
    assert {(verdict.score, verdict.status) for verdict in mixed.items[:12]} <= {
        (None, Status.TIMEOUT),
        (0.0, Status.OK),
    }


@pytest.mark.parametrize(("reference", "candidate", "expected"), [
    ("7", "So it is \\boxed{7}.", 1.0), ("0.5", "The answer is 1/2.", 1.0), ("\\frac{1}{2}", "The answer is $0.5$.", 1.0),
    ("7", "The answer is 8.", 0.0), ("1,200", "The answer is 1200", 1.0), ("Paris", "The answer is Paris.", 1.0),
    ("Paris", "The answer is London.", 0.0), ("7", "", 0.0), ("x^2 - 1", "It is $(x-1)(x+1)$.", 1.0),
])  # fmt: skip
async def test_an_answer_is_compared_by_value(
    reference: str, candidate: str, expected: float
) -> None:
    """Fractions, forms and separators do not matter; words are compared as text."""
    assert (await verdict_of("math_answer", candidate, Query.of("?", reference))).score == expected


async def test_without_a_reference_there_is_nothing_to_compare_with() -> None:
    """Missing, not wrong."""
    verdict = await verdict_of("math_answer", "7")

    assert (verdict.score, verdict.status) == (None, Status.NOT_APPLICABLE)


async def test_a_comparison_that_hangs_takes_only_its_own_score() -> None:
    """The worker is killed; the other candidates are compared by themselves."""
    verifier = made("math_answer", time_limit_s=2)
    await verifier.warm_up()
    query = Query.of("?", "7")
    hanging = "The answer is $" + "9" * 5 + "^{" * 40 + "9" + "}" * 40 + "$"

    verdicts = (
        await verifier.score(
            [Pair(query, "The answer is 7."), Pair(query, hanging), Pair(query, "The answer is 8.")]
        )
    ).items

    assert (verdicts[0].score, verdicts[2].score) == (1.0, 0.0)
    assert verdicts[1].score in (None, 0.0)
