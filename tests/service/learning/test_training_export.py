"""Ranked traffic as training data."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.special import logit

from assay.aggregation import Column, Combined, Floats
from assay.service.domain.observation import Observation, RankedTexts
from assay.service.learning.tasks.served_version import ServedVersion
from assay.service.learning.training_export import EXPORT_FORMATS, ExportFormat, rows

COLUMNS = (Column("0000000000000007", "f", None, 1.0, "v"),)


class Chances:
    """A model whose probabilities are its one verifier's scores."""

    learned = calibrated = True
    columns = COLUMNS

    def combine(self, scores: Floats, alone: bool) -> Combined:
        """Return the scores as log-odds."""
        return Combined(logit(scores[:, 0]), lambda: scores, lambda places: None)


def ranked(chances: tuple[float, ...], texts: bool) -> Observation:
    """Return a request whose candidates have these probabilities."""
    names = tuple(f"{place:032x}" for place in range(len(chances)))
    words = {name: f"c{place}" for place, name in enumerate(names)}
    return Observation(
        name="q",
        query="0" * 32,
        candidates=names,
        fingerprints=(7,),
        scores=np.array(chances)[:, None],
        version="t@2",
        texts=RankedTexts("q?", words) if texts else None,
    )


def exported(
    how: ExportFormat, *chances: float, texts: bool = True, margin: float = 0.2
) -> list[dict[str, Any]]:
    """Return the rows of one request that comes after one without texts."""
    model: Any = Chances()
    served = ServedVersion(task="t", model=model, version=3)
    records = [ranked((0.9, 0.1), texts=False), ranked(chances, texts)]
    return list(rows(served, (7,), records, how, margin, 0.7))


@pytest.mark.parametrize("how", EXPORT_FORMATS)
def test_a_request_without_texts_makes_no_row(how: ExportFormat) -> None:
    """Training needs texts."""
    assert exported(how, 0.9, 0.1, texts=False) == []


def test_the_best_stands_against_the_worst() -> None:
    """Read with the version that is served now, whichever answered then."""
    assert exported("dpo", 0.5, 0.9, 0.1) == [
        {
            "prompt": "q?",
            "chosen": "c1",
            "rejected": "c2",
            "probability_chosen": pytest.approx(0.9),
            "probability_rejected": pytest.approx(0.1),
            "model_version": "t@3",
        }
    ]


@pytest.mark.parametrize("chances", [(0.6, 0.5), (0.9,)])
def test_candidates_that_are_too_alike_make_no_pair(chances: tuple[float, ...]) -> None:
    """Nor does one alone."""
    assert exported("dpo", *chances) == []


def test_a_candidate_is_labelled_where_its_probability_is_clear() -> None:
    """On either side; the rows between are left out."""
    listed = exported("kto", 0.9, 0.5, 0.1)

    assert [(row["completion"], row["label"]) for row in listed] == [("c0", True), ("c2", False)]


@pytest.mark.parametrize(("chances", "completions"), [((0.2, 0.8), ["c1"]), ((0.2, 0.6), [])])
def test_only_a_best_that_is_likely_right_is_imitated(
    chances: tuple[float, ...], completions: list[str]
) -> None:
    """One a request at most."""
    assert [row["completion"] for row in exported("sft", *chances)] == completions


def test_every_scored_candidate_has_its_probability() -> None:
    """The best first; one without a score is left out."""
    listed = exported("reward", 0.2, math.nan, 0.8)

    assert [(row["completion"], round(row["probability"], 6)) for row in listed] == [
        ("c2", 0.8),
        ("c0", 0.2),
    ]
