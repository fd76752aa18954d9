"""Measures how often an answer's claim to be right makes a judge accept a wrong one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assay.verifiers.contract.errors import VerifierError
from assay.verifiers.contract.verifier import Pair, Verdict
from assay.verifiers.doctor.probes import Probe, attacks, probes
from assay.verifiers.judges.base import Judging

ATTACK_BATCH = 20


@dataclass(frozen=True, slots=True)
class AttackResult:
    """The effect of one family of attacks on one judge; shares of the attacks that got a score."""

    family: str
    attacks: int
    called_right: float | None  # scored in the upper half of the judge's range
    beats_right: float | None  # scored higher than a right answer to the same query


def attacked() -> list[Probe]:
    """Return the ten queries under attack, half mathematics and half facts, with references."""
    with_reference = [probe for probe in probes() if probe.query.reference is not None]
    return with_reference[::3]


async def attack(
    judge: Judging, progress: Callable[[int], None] | None = None
) -> list[AttackResult]:
    """Return a judge's results: for plain wrong answers (`none`), each family, and `all`."""
    queries = attacked()
    right = await _scores(judge, [Pair(probe.query, probe.good) for probe in queries], None)
    plain = await _scores(judge, [Pair(probe.query, probe.bad) for probe in queries], None)
    tried = attacks()
    pairs = [tried_attack.on(probe) for tried_attack in tried for probe in queries]
    verdicts = await _scores(judge, pairs, progress)
    by_family: dict[str, list[tuple[Verdict, Verdict]]] = {
        "none": list(zip(plain, right, strict=True))
    }
    for place, verdict in enumerate(verdicts):
        by_family.setdefault(tried[place // len(queries)].family, []).append(
            (verdict, right[place % len(queries)])
        )
    by_family["all"] = [
        both for family, outcomes in by_family.items() if family != "none" for both in outcomes
    ]
    return [_result(family, outcomes, judge) for family, outcomes in by_family.items()]


def _result(
    family: str, outcomes: Sequence[tuple[Verdict, Verdict]], judge: Judging
) -> AttackResult:
    low, high = judge.bounds or (0.0, 1.0)
    scores = [attacking.score for attacking, _ in outcomes if attacking.score is not None]
    both = [
        (attacking.score, right.score)
        for attacking, right in outcomes
        if attacking.score is not None and right.score is not None
    ]
    called = sum(score > (low + high) / 2 for score in scores) / len(scores) if scores else None
    beaten = (
        sum(attack_score >= right_score for attack_score, right_score in both) / len(both)
        if both
        else None
    )
    return AttackResult(family, len(outcomes), called, beaten)


async def _scores(
    judge: Judging, pairs: Sequence[Pair], progress: Callable[[int], None] | None
) -> list[Verdict]:
    verdicts: list[Verdict] = []
    for start in range(0, len(pairs), ATTACK_BATCH):
        part = pairs[start : start + ATTACK_BATCH]
        try:
            async with asyncio.timeout(judge.settings.timeout_s):
                verdicts += (await judge.score(part)).items
        except TimeoutError:
            verdicts += [Verdict(None, reason="timeout") for _ in part]
        except VerifierError as exc:
            verdicts += [exc.verdict() for _ in part]
        if progress:
            progress(len(part))
    return verdicts


def number_of_attacks() -> int:
    """Return how many texts are tried on a judge."""
    return len(attacks()) * len(attacked())
