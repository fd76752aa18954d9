"""What an evaluation found, in sentences."""

from __future__ import annotations

import math
from collections import Counter

from assay.aggregation.evaluation.estimates import Interval
from assay.aggregation.evaluation.evaluate import ALL_LABELS, Evaluation, with_labels
from assay.aggregation.evaluation.label_weights import ASSUMPTION, ESTIMATOR
from assay.aggregation.evaluation.method_measures import (
    FIRST_SAMPLE,
    MAJORITY_ANSWER,
    RANDOM_CANDIDATE,
)

#: What a gain is over, in words.
OVER = {
    FIRST_SAMPLE: "the first sample",
    RANDOM_CANDIDATE: "a random candidate",
    MAJORITY_ANSWER: "the majority answer",
}
HEADLINE_LABELS = 100


def half_width(interval: Interval) -> str:
    """Return half the width of an interval, `?` where it is not known."""
    half = (interval.high - interval.low) / 2
    return "?" if math.isnan(half) else f"{half:.3f}".removeprefix("0")


def gain_sentences(evaluation: Evaluation, no_majority: str) -> list[str]:
    """Return how often Assay's choice is correct, and the gain over doing without it."""
    trained = round(evaluation.labelled * (1 - 1 / evaluation.folds))
    titles = {
        with_labels(HEADLINE_LABELS): f"Assay with {HEADLINE_LABELS} labels",
        ALL_LABELS: f"Assay with all labels ({trained:,} of {evaluation.labelled:,} in each fold)",
    }
    sentences = []
    for method in evaluation.methods:
        if method.name in titles:
            share = method.selection
            gains = [
                f"{interval.value:+.3f} ± {half_width(interval)} over {OVER[rival]}"
                for rival, interval in method.ahead_of.items()
                if rival in OVER and not math.isnan(interval.value)
            ]
            value = "?" if math.isnan(share.value) else f"{share.value:.3f}"
            sentences.append(
                f"{titles[method.name]} picks a correct answer for {value} ±"
                f" {half_width(share)} of the queries: {', '.join(gains) or 'no gain is known'}"
            )
    if MAJORITY_ANSWER in evaluation.not_measured:
        sentences.append(f"majority: {no_majority}")
    return sentences


def best_sentence(evaluation: Evaluation) -> str:
    """Return which verifier is the best, by all labels and by the folds' own."""
    folds = Counter(evaluation.best_by_fold).most_common()
    chosen = ", ".join(f"{name} in {count}" for name, count in folds)
    return (
        f"best single verifier: {evaluation.best} (by all labels); by the training labels of"
        f" {evaluation.folds} folds: {chosen}"
    )


def estimator_sentences(evaluation: Evaluation, random_stated: bool) -> list[str]:
    """Return how labels count, and what that assumes."""
    sentences = []
    if evaluation.labelled < evaluation.rows:
        stated = (
            "the file states that they were drawn at random (`label_random`)"
            if random_stated
            else f"{ASSUMPTION}, which the file does not state (`label_random`)"
        )
        sentences.append(f"{ESTIMATOR}; {stated}")
        sentences.append(
            f"selection@1 rests on the {evaluation.choices:,.0f} of {evaluation.queries:,} choices"
            " that are labelled, AUC, Brier, slope and bias on all labels: to narrow the first,"
            " label more candidates of a query"
        )
    if evaluation.not_random:
        sentences.append(
            f"{evaluation.not_random:,} labels of candidates that were not drawn at random teach"
            " and measure nothing"
        )
    if evaluation.left_out:
        sentences.append(
            f"{evaluation.left_out:,} queries have no label that measures: models learn from them"
        )
    if evaluation.soft:
        sentences.append(
            f"{evaluation.soft} labels between 0 and 1 count as they stand: selection is the mean"
            ' label of the chosen ones, Brier the squared distance to the label; "of true p" takes'
            " labels of 0 and 1"
        )
    return sentences
