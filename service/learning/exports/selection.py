"""Which candidates of a prompt make rows of training data, and why the others make none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from assay.service.learning.exports.candidates import ExportCandidate
from assay.service.learning.exports.options import EVEN, ExportFormat, ExportOptions

#: 1 - 0.9 and 0.6 - 0.4 are a little less than 0.1 and 0.2 in binary.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """A row before its texts are read: the keys of candidates by column, and all other columns."""

    candidates: dict[str, str]
    columns: dict[str, Any]


Candidates = Sequence[ExportCandidate]  # of one prompt, best first
Selector = Callable[[Candidates, ExportOptions, Counter[str]], Iterator[TrainingRow]]


def _dpo(
    candidates: Candidates, options: ExportOptions, left_out: Counter[str]
) -> Iterator[TrainingRow]:
    """Yield the best against the worst."""
    if len(candidates) < 2:
        left_out["one_candidate"] += 1
        return
    usable = [candidate for candidate in candidates if candidate.chance is not None]
    chosen = next(filter(_may_be_right, usable), None)
    rejected = next((candidate for candidate in reversed(usable) if _may_be_wrong(candidate)), None)
    if len(usable) < 2:
        left_out[_lacking(candidates)] += 1
    elif chosen is None:
        left_out["labelled_wrong"] += 1
    elif rejected is None or rejected is chosen:
        left_out["labelled_right"] += 1
    elif reason := _too_low(chosen, options):
        left_out[reason] += 1
    elif _may_be_too_good(rejected, options):
        left_out["probably_right"] += 1
    elif not _reaches((chosen.chance or 0.0) - (rejected.chance or 0.0), options.min_gap):
        left_out["below_min_gap"] += 1
    else:
        yield TrainingRow(
            {"chosen": chosen.key, "rejected": rejected.key},
            {
                f"{name}_{role}": getattr(candidate, name)
                for name in ("label", "probability", "score")
                for role, candidate in (("chosen", chosen), ("rejected", rejected))
            },
        )


def _kto(
    candidates: Candidates, options: ExportOptions, left_out: Counter[str]
) -> Iterator[TrainingRow]:
    """Yield the candidates that are clearly right, or clearly wrong."""
    least = max(options.min_p, EVEN)
    for candidate in candidates:
        if candidate.chance is None:
            left_out[_lacking([candidate])] += 1
            continue
        right, wrong = _reaches(candidate.chance, least), _reaches(1 - candidate.chance, least)
        if candidate.label == EVEN or not (right or wrong):
            left_out["unclear"] += 1
        else:
            yield _completion(candidate, {"label": right, "human_label": candidate.label})


def _sft(
    candidates: Candidates, options: ExportOptions, left_out: Counter[str]
) -> Iterator[TrainingRow]:
    """Yield the best candidate, if it is probably right."""
    usable = [candidate for candidate in candidates if candidate.chance is not None]
    best = next(filter(_may_be_right, usable), None)
    if not usable:
        left_out[_lacking(candidates)] += 1
    elif best is None:
        left_out["labelled_wrong"] += 1
    elif reason := _too_low(best, options):
        left_out[reason] += 1
    else:
        yield _completion(best, {"label": best.label})


def _reward(
    candidates: Candidates, options: ExportOptions, left_out: Counter[str]
) -> Iterator[TrainingRow]:
    """Yield every candidate, with its label or else its probability as the target."""
    for candidate in candidates:
        if candidate.chance is None:
            left_out[_lacking([candidate])] += 1
        elif not _reaches(candidate.chance, options.min_p):
            left_out["below_min_p"] += 1
        else:
            yield _completion(candidate, {"target": candidate.chance, "label": candidate.label})


SELECTORS: dict[ExportFormat, Selector] = {
    "dpo": _dpo,
    "kto": _kto,
    "sft": _sft,
    "reward": _reward,
}


def _completion(candidate: ExportCandidate, columns: dict[str, Any]) -> TrainingRow:
    numbers = {"probability": candidate.probability, "score": candidate.score}
    return TrainingRow({"completion": candidate.key}, columns | numbers)


def _reaches(value: float, bound: float) -> bool:
    """Return whether a value is at least a bound, whatever the last digits of a difference are."""
    return value >= bound - ROUNDING


def _may_be_right(candidate: ExportCandidate) -> bool:
    """Return whether no person called it wrong; annotators who are split count as well."""
    return candidate.label is None or candidate.label > EVEN


def _may_be_wrong(candidate: ExportCandidate) -> bool:
    return candidate.label is None or candidate.label < EVEN


def _too_low(candidate: ExportCandidate, options: ExportOptions) -> str | None:
    """Return why a candidate may not be learned from; None if it may."""
    chance = candidate.chance or 0.0
    if _reaches(chance, options.least_p):
        return None
    probably_wrong = chance < EVEN and not options.probably_wrong
    return "probably_wrong" if probably_wrong else "below_min_p"


def _may_be_too_good(candidate: ExportCandidate, options: ExportOptions) -> bool:
    """Return whether the model calls a candidate right that no person calls wrong.

    Its chance decides: before calibration there is no probability to look at.
    """
    return (
        candidate.label is None and (candidate.chance or 0.0) > EVEN and not options.probably_wrong
    )


def _lacking(candidates: Candidates) -> str:
    """Return why none of the candidates has a chance."""
    scored = [candidate for candidate in candidates if candidate.score is not None]
    if any(candidate.judged and candidate.chance is None for candidate in scored):
        return "uncalibrated"
    return "nothing_judged" if any(not candidate.judged for candidate in scored) else "no_score"
