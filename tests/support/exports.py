"""Kept requests with chosen probabilities, and the training rows that they make."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.special import logit

from assay.aggregation import Column, Combined, Floats
from assay.service.domain.observation import Observation, record_of
from assay.service.domain.score_keys import candidate_key, hash_candidate, hash_query, keys_of
from assay.service.learning.exports.candidates import ExportReading, KeptTraffic
from assay.service.learning.exports.options import ExportFormat, ExportOptions
from assay.service.learning.exports.training_rows import ExportPlan, RowTexts, plan
from assay.service.learning.tasks.served_version import ServedVersion
from assay.verifiers import Message, Pair, Query

FINGERPRINT = 7


class Chances:
    """A model whose probabilities are its one verifier's scores."""

    learned = True
    base_rate_stated = False
    ignored: tuple[str, ...] = ()
    columns = (Column(f"{FINGERPRINT:016x}", "f", None, 1.0, "v"),)

    def __init__(self, calibrated: bool = True) -> None:
        self.calibrated = calibrated

    def combine(self, scores: Floats, alone: bool) -> Combined:
        """Return the scores as log-odds."""
        return Combined(logit(scores[:, 0]), lambda: scores, lambda places: None)


def members(speaks_of_correctness: bool = True, vetoes: bool = False) -> list[Any]:
    """Return the ensemble of that verifier."""
    return [SimpleNamespace(name="v", speaks_of_correctness=speaks_of_correctness, vetoes=vetoes)]


def ranked(
    query: Query | str, chances: Mapping[str, float | None], texts: bool = True
) -> Observation:
    """Return a kept request whose candidates have these probabilities."""
    asked = Query.of(query) if isinstance(query, str) else query
    pairs = [Pair(asked, text) for text in chances]
    values = [math.nan if chance is None else chance for chance in chances.values()]
    raw = np.array(values, np.float64)[:, None]
    return record_of(keys_of(pairs, True), [FINGERPRINT], raw, "t@2", pairs if texts else None)


def key_of(query: Query | str, text: str) -> str:
    """Return a candidate's key."""
    asked = Query.of(query) if isinstance(query, str) else query
    return candidate_key(hash_query(asked), hash_candidate(text))


def conversation(*contents: str) -> Query:
    """Return a query of a system message, and turns of user and assistant by turns."""
    roles = ("system", "user", "assistant")
    turns = [
        Message(roles[0] if place == 0 else roles[2 - place % 2], content)
        for place, content in enumerate(contents)
    ]
    return Query(tuple(turns))


def exported(
    how: ExportFormat,
    records: Sequence[Observation],
    labels: Mapping[str, float] | None = None,
    *,
    calibrated: bool = True,
    **options: Any,
) -> tuple[list[dict[str, Any]], ExportPlan]:
    """Return the rows of kept requests, which come two a page, and the plan of the export."""
    model: Any = Chances(calibrated)
    asked = ExportOptions(format=how, **{"min_p": 0.7, **options})
    reading = ExportReading(
        served=ServedVersion(task="t", model=model, version=3),
        members=members(),
        fingerprints=[FINGERPRINT],
        labels=labels or {},
        uncalibrated=asked.uncalibrated,
    )
    pages = [records[place : place + 2] for place in range(0, len(records), 2)]
    traffic = KeptTraffic()
    for page in pages:
        traffic.add(page)
    planned = plan(traffic, reading, asked)
    texts = RowTexts(planned, asked)
    return [row for page in pages for row in texts.rows(page)], planned
