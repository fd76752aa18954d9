"""Is a verifier served right, and does it tell a right answer from a wrong one?"""

from __future__ import annotations

import asyncio
import math
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from scipy.stats import norm

from assay.verifiers.catalog.catalog import Entry, entry_of
from assay.verifiers.contract.errors import VerifierError
from assay.verifiers.contract.findings import Finding, Grade, failed, ok, skipped, warning
from assay.verifiers.contract.verifier import Pair, Query, Status, Verdict, Verifier
from assay.verifiers.doctor.probes import Probe, probes

#: Probes at a service's start: every third, so 5 of each domain.
QUICK_STEP = 3
EXAMINE_S = 120.0
REPEATED = 8
#: Scores that move by more than this share of their spread, from call to call, blur the ranking.
MUCH_SPREAD = 0.05

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Auc:
    """The share of probes with the right answer on top, ties half, and its 95 % interval."""

    value: float
    low: float
    high: float
    pairs: int


@dataclass(slots=True)
class Report:
    """The doctor's report on one verifier."""

    verifier: str
    kind: str
    findings: list[Finding] = field(default_factory=list)
    auc: Auc | None = None
    latency_ms: float | None = None  # median, a call

    @property
    def grade(self) -> Grade:
        """Return `failed`, `warning` (also for skipped checks) or `ok`."""
        grades = {finding.grade for finding in self.findings}
        if Grade.FAILED in grades:
            return Grade.FAILED
        return Grade.WARNING if grades & {Grade.WARNING, Grade.SKIPPED} else Grade.OK


async def examine(
    verifier: Verifier, quick: bool = False, progress: Progress | None = None
) -> Report:
    """Return a report; every error is a finding in it."""
    report = Report(verifier.settings.name, verifier.settings.kind)
    try:
        await _examine(verifier, quick, progress, report)
    except VerifierError as exc:
        report.findings.append(failed("answers", f"{exc.reason}: {exc}", "read the server's log"))
    # a bug in a verifier, ours or a user's own, must not cost the others their examination
    except Exception as exc:
        report.findings.append(
            failed("answers", f"{type(exc).__name__}: {exc}", "a bug in the verifier")
        )
    return report


async def _examine(
    verifier: Verifier, quick: bool, progress: Progress | None, report: Report
) -> None:
    settings = verifier.settings
    try:
        async with asyncio.timeout(EXAMINE_S):
            report.findings += await verifier.examine()
    except TimeoutError:
        report.findings.append(
            failed(
                "reachable",
                f"no answer within {EXAMINE_S:g} s",
                "look at the server's load and log",
            )
        )
    missing = any(
        finding.check == "installed" and finding.grade is Grade.SKIPPED
        for finding in report.findings
    )
    if missing or report.grade is Grade.FAILED:
        return
    entry = entry_of(getattr(settings, "model", None) or "", settings.kind)
    sample = probes()[::QUICK_STEP] if quick else probes()
    report.findings += await _golden(verifier, entry)
    verdicts = await _ask(verifier, sample, report, progress)
    report.findings += _judged(verifier, sample, verdicts, report, entry)
    report.findings += await _repeated(verifier, sample, verdicts)


async def _golden(verifier: Verifier, entry: Entry | None) -> list[Finding]:
    """Return whether published scores come out.

    A warning at worst, since versions of a server differ.
    """
    if entry is None or entry.golden is None or verifier.setwise:
        return []
    golden = entry.golden
    pairs = [Pair(Query.of(golden.query), candidate) for candidate in golden.candidates]
    scores = [verdict.score for verdict in (await verifier.score(pairs)).items]
    observation = (
        f"{', '.join('none' if score is None else f'{score:.2f}' for score in scores)}; published"
        f" {golden.scores}"
    )
    near = all(
        score is not None and abs(score - published) <= golden.tolerance
        for score, published in zip(scores, golden.scores, strict=True)
    )
    return [
        (
            ok("golden score", observation)
            if near
            else warning("golden score", observation, "see template, BOS and activation above")
        )
    ]


async def _ask(
    verifier: Verifier, sample: Sequence[Probe], report: Report, progress: Progress | None
) -> list[tuple[Verdict, Verdict]]:
    """Return the verdicts of each probe's right and wrong answer; measure a call's time."""
    if verifier.setwise:
        groups = [probe.pairs() for probe in sample]
    else:
        pairs = [pair for probe in sample for pair in probe.pairs()]
        size = min(verifier.settings.batch_size, 20)
        groups = [tuple(pairs[start : start + size]) for start in range(0, len(pairs), size)]  # type: ignore[misc]  # of any length
    took: list[float] = []
    verdicts: list[Verdict] = []
    for group in groups:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(verifier.settings.timeout_s):
                verdicts += (await verifier.score(group)).items
        except TimeoutError:
            verdicts += [
                Verdict(
                    None,
                    Status.TIMEOUT,
                    f"timeout: no answer within {verifier.settings.timeout_s:g} s",
                )
                for _ in group
            ]
        except VerifierError as exc:
            verdicts += [exc.verdict() for _ in group]
        took.append(1e3 * (time.perf_counter() - started))
        if progress:
            progress(len(group))
    report.latency_ms = statistics.median(took)
    return list(zip(verdicts[::2], verdicts[1::2], strict=True))


def _judged(
    verifier: Verifier,
    sample: Sequence[Probe],
    verdicts: Sequence[tuple[Verdict, Verdict]],
    report: Report,
    entry: Entry | None,
) -> list[Finding]:
    """Return the verdicts' findings: inputs fit, scores exist, right answers rank above wrong."""
    everything = [verdict for both in verdicts for verdict in both]
    statuses = Counter(verdict.status for verdict in everything)
    findings: list[Finding] = []
    if statuses[Status.TRUNCATED]:
        observation = (
            f"{statuses[Status.TRUNCATED]} of {len(everything)} short texts did not fit:"
            f" {_reason(everything, Status.TRUNCATED)}"
        )
        findings.append(
            failed(
                "context",
                observation,
                "start the server with a larger --max-model-len, or lower `max_tokens`",
            )
        )
    broken = statuses[Status.ERROR] + statuses[Status.TIMEOUT]
    if broken:
        observation = (
            f"{broken} of {len(everything)} failed:"
            f" {_reason(everything, Status.ERROR, Status.TIMEOUT)}"
        )
        advice = "see the reason, the server's log, and `timeout_s`"
        findings.append(
            failed("answers", observation, advice)
            if 2 * broken > len(everything)
            else warning("answers", observation, advice)
        )
    both = [
        (right.score, wrong.score)
        for right, wrong in verdicts
        if right.score is not None and wrong.score is not None
    ]
    if not both:
        why = _reason(everything, *Status) or "no scores"
        return [*findings, skipped("right above wrong", f"it says nothing of these texts: {why}")]
    if all(right == wrong for right, wrong in both):
        return [
            *findings,
            skipped(
                "right above wrong", f"it scores the two answers of all {len(both)} probes alike"
            ),
        ]
    report.auc = auc_of(both)
    return [*findings, _compared(report.auc, entry)]


def _compared(auc: Auc, entry: Entry | None) -> Finding:
    observation = f"AUC {auc.value:.2f} [{auc.low:.2f}, {auc.high:.2f}] on {auc.pairs} probes"
    floor = entry.floor if entry and entry.floor else None
    if auc.high < 0.5:
        advice = (
            "right answers score lower than wrong ones: look for swapped labels, a wrong column or"
            " template"
        )
        return failed("right above wrong", observation, advice)
    if floor is not None and auc.high < floor:
        return failed(
            "right above wrong",
            f"{observation}; this model reaches {floor:g}",
            "it is served wrongly: see the checks above",
        )
    if auc.low <= 0.5:
        return warning(
            "right above wrong",
            observation,
            "no better than chance here: weak, or made for other texts",
        )
    return ok("right above wrong", observation)


def auc_of(both: Sequence[tuple[float, float]]) -> Auc:
    """Return the AUC of (right, wrong) scores, each compared within its own probe."""
    count = len(both)
    share = (
        sum(1.0 if right > wrong else 0.5 if right == wrong else 0.0 for right, wrong in both)
        / count
    )
    z = float(norm.ppf(0.975))
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = (
        z
        / (1 + z * z / count)
        * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    )
    return Auc(share, max(0.0, middle - half), min(1.0, middle + half), count)


async def _repeated(
    verifier: Verifier, sample: Sequence[Probe], verdicts: Sequence[tuple[Verdict, Verdict]]
) -> list[Finding]:
    """Return how far scores move when the same pair comes in another batch."""
    scores = [verdict.score for both in verdicts for verdict in both if verdict.score is not None]
    if len(scores) < 4 or verifier.setwise:
        return []
    try:
        again = await verifier.score(
            [pair for probe in sample[: REPEATED // 2] for pair in probe.pairs()]
        )
    except VerifierError as exc:
        return [skipped("repeatability", f"{exc.reason}: {exc}")]
    before = [verdict for both in verdicts[: REPEATED // 2] for verdict in both]
    moved = [
        abs(first.score - second.score)
        for first, second in zip(before, again.items, strict=True)
        if first.score is not None and second.score is not None
    ]
    if not moved:
        return []
    spread = statistics.pstdev(scores)
    observation = (
        f"scores moved by {max(moved):.2g} at most; their standard deviation is {spread:.2g}"
    )
    if max(moved) > MUCH_SPREAD * spread:
        return [
            warning(
                "repeatability",
                observation,
                "sampling, or kernels that depend on the batch: the cache keeps the first score",
            )
        ]
    return [ok("repeatability", observation)]


def _reason(verdicts: Sequence[Verdict], *statuses: Status) -> str:
    """Return the commonest reason among verdicts of some statuses."""
    reasons = Counter(
        verdict.reason for verdict in verdicts if verdict.status in statuses and verdict.reason
    )
    return reasons.most_common(1)[0][0][:300] if reasons else ""
