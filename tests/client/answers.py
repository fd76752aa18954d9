"""Answers of a service, as the client reads them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any


def sigmoid(log_odds: float | None) -> float | None:
    """Return the probability of log-odds, if there are any."""
    return None if log_odds is None else 1 / (1 + math.exp(-log_odds))


def head(version: str = "math@1", task: str = "math") -> dict[str, Any]:
    """Return an answer's fields on the model behind it."""
    return {
        "id": "rank-1",
        "task": task,
        "ensemble": "default",
        "model_version": version,
        "calibrated": False,
        "cold": False,
        "partial": False,
    }


def ranking(
    scores: Sequence[float | None], version: str = "math@1", **fields: Any
) -> dict[str, Any]:
    """Return a ranking of candidates with these log-odds, all that have some before the others.

    `fields`: of each result, by the place of its candidate.
    """
    places = sorted(
        range(len(scores)), key=lambda place: (scores[place] is None, -(scores[place] or 0))
    )
    results = [
        {
            "index": place,
            "rank": rank,
            "probability": sigmoid(scores[place]),
            "score": scores[place],
            **{name: values[place] for name, values in fields.items()},
        }
        for rank, place in enumerate(places, 1)
    ]
    return {**head(version), "results": results}


def pairs(scores: Sequence[float | None], version: str = "math@1", **fields: Any) -> dict[str, Any]:
    """Return the scores of pairs; `fields`: of each result, by its place."""
    results = [
        {
            "index": place,
            "probability": sigmoid(score),
            "score": score,
            **{name: values[place] for name, values in fields.items()},
        }
        for place, score in enumerate(scores)
    ]
    return {**head(version), "results": results}


def problem(code: str, message: str = "no") -> dict[str, Any]:
    """Return an error."""
    return {"error": {"message": message, "type": "invalid_request_error", "code": code}}
