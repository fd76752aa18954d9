"""Patterns and schemas of an operator's over hostile candidates: nothing waits for them, and
each candidate is on its own.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from assay.verifiers import Pair, Query, Verdict, VerifierSettings
from assay.verifiers.checks.bounded import BoundedVerifier, Make, TextJudge
from tests.support.stalls import longest_stall_s
from tests.support.verifiers.kinds import made

BACKTRACKING = ["a" * 60 + "b" + str(place) for place in range(24)]


async def test_a_pattern_that_backtracks_over_many_candidates_neither_stops_the_loop_nor_takes_honest_scores() -> (
    None
):
    """All together have a limit, each has a share of it, and a quick one is scored wherever it
    stands.
    """
    verifier = made("regex", must=[r"(a|aa)+$"], must_not=[])
    await verifier.warm_up()
    texts = [*BACKTRACKING, "aaa", "no"]
    started = time.monotonic()

    verdicts, stall = await longest_stall_s(
        verifier.score([Pair(Query.of("q"), text) for text in texts])
    )

    assert [verdict.score for verdict in verdicts.items[-2:]] == [1.0, 0.0]
    assert {verdict.score for verdict in verdicts.items[:-2]} <= {None, 0.0}
    assert stall < 1
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("schema", [
    {"type": "string", "pattern": "^(a+)+$"},
    {"type": "object", "patternProperties": {"^(a+)+$": {"type": "integer"}}, "additionalProperties": False},
    {"anyOf": [{"type": "object", "propertyNames": {"pattern": "^(a|aa)+$"}, "minProperties": 1}, {"pattern": "^(a|aa)+$", "type": "string"}]},
])  # fmt: skip
async def test_a_schemas_pattern_that_backtracks_costs_the_candidate_that_does_it_alone(
    schema: dict[str, Any],
) -> None:
    """Over a string, over names, over names of properties."""
    bad = ['"' + "a" * 40 + 'b"', '{"' + "a" * 40 + 'b": 1}']
    verifier = made("json_schema", schema=schema)
    await verifier.warm_up()
    started = time.monotonic()

    verdicts, stall = await longest_stall_s(
        verifier.score([Pair(Query.of("q"), text) for text in (*bad, '"aaa"', '{"aaa": 1}')])
    )

    assert any(
        verdict.reason and verdict.reason.startswith("timeout") for verdict in verdicts.items[:2]
    )
    assert all(verdict.score is not None for verdict in verdicts.items[2:])
    assert 1.0 in [verdict.score for verdict in verdicts.items[2:]]
    assert stall < 1
    assert time.monotonic() - started < 30


class _Dying(BoundedVerifier):
    """A check whose library dies of a text, or hangs where no timer of its own reaches it."""

    @property
    def rule(self) -> tuple[Make, None]:
        """Return a rule that kills its worker."""
        return dying, None


def dying(_: None) -> TextJudge:
    """Return a check that ends its process over one text, and blocks all signals over another."""
    import os
    import signal

    def judge(text: str, seconds: float) -> Verdict:
        if text == "die":
            os._exit(1)
        if text == "hang":
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
            time.sleep(60)  # a check that hangs
        return Verdict(1.0)

    return judge


@pytest.mark.parametrize("hostile", ["die", "hang"])
async def test_a_worker_that_dies_or_hangs_takes_only_the_score_of_its_text(hostile: str) -> None:
    """The lot is halved until it stands alone."""
    verifier = _Dying(VerifierSettings(name="d", kind="d", timeout_s=60))
    await verifier.warm_up()
    verifier.all_s = 0.5
    texts = ["a", "bb", hostile]

    verdicts = (await verifier.score([Pair(Query.of("q"), text) for text in texts])).items

    assert [verdict.score for verdict in verdicts] == [1.0, 1.0, None]
