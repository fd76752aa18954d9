"""A judge that compares with a reference."""

from __future__ import annotations

from assay.verifiers import Pair, Query, Status
from tests.support.verifiers.kinds import made, standin
from tests.support.verifiers.sums import PAIR


async def test_a_reference_goes_into_the_prompt_and_none_is_not_applicable() -> None:
    """A judge that compares has nothing to say without."""
    transport = standin("judge")
    judge = made("judge_reference", transport)

    verdicts = (await judge.score([PAIR, Pair(Query.of("What is 3 + 4?"), "7")])).items

    assert "<reference>\n7\n</reference>" in transport.sent[-1][1]["messages"][-1]["content"]
    assert verdicts[0].score is not None
    assert (verdicts[1].score, verdicts[1].status) == (None, Status.NOT_APPLICABLE)
