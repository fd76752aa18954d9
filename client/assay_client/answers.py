"""Typed answers; they keep the additional fields of a newer service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from .errors import AssayError
from .texts import plain_value

OK = 200  # the status of an invalid answer
SHOWN = 200  # characters of it
Form = TypeVar("Form", bound=BaseModel)


class _Answer(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())


class VerifierWord(_Answer):
    """One verifier's score of one candidate; without one `raw` is None with a `reason`."""

    raw: float | None
    status: str
    reason: str | None = None
    cached: bool = False
    contribution: float | None = None
    latency_ms: float | None = None


class Ranked(_Answer):
    """One candidate: its place in the request, its rank, and its score (log-odds), the order.

    `probability` of being correct: None until the task is calibrated or states a base rate
    (`uncalibrated="number"` asks for a number that only orders), and without a score.
    """

    index: int
    rank: int
    probability: float | None
    score: float | None
    id: str | None = None
    key: str | None = None
    verifiers: dict[str, VerifierWord] = {}


class Usage(_Answer):
    """The cost of a request."""

    calls: int = 0
    cache_hits: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0


class _Head(_Answer):
    id: str
    task: str
    ensemble: str
    model_version: str
    calibrated: bool
    cold: bool
    partial: bool
    usage: Usage = Usage()
    warnings: list[str] = []


class Ranking(_Head):
    """The candidates of a query, best first."""

    results: list[Ranked]
    p_best: float | None = None
    p_any_correct: float | None = None

    @property
    def best(self) -> Ranked:
        """Return the first."""
        return self.results[0]

    def probabilities(self) -> list[float | None]:
        """Return the probabilities in the request's order."""
        by_index: dict[int, float | None] = {
            result.index: result.probability for result in self.results
        }
        return [by_index.get(index) for index in range(max(by_index) + 1)]


class PairScore(_Answer):
    """One pair of query and candidate; `probability` as in `Ranked`."""

    index: int
    probability: float | None
    score: float | None
    verifiers: dict[str, VerifierWord] = {}


class Scores(_Head):
    """Pairs, in the request's order."""

    results: list[PairScore]


def plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request's data without the absent fields, numpy's values as Python's.

    Those of pandas' and of data sets' columns are numpy's, which JSON has no form for.
    """
    return {key: plain_value(item) for key, item in value.items() if item is not None}


def ranking_of(data: Any, candidates: int | None = None) -> Ranking:
    """Return an answer as a ranking of so many candidates.

    Raises `AssayError` for any other answer.
    """
    ranking = _typed(Ranking, data)
    places = [result.index for result in ranking.results]
    most = len(places) if candidates is None else candidates
    if (
        not places
        or len(set(places)) < len(places)
        or (candidates is not None and not all(0 <= place < most for place in places))
    ):
        raise AssayError(
            f"the answer is not an Assay's: it ranks the places {str(places)[:SHOWN]}", OK
        )
    return ranking


def scores_of(data: Any, pairs: int) -> Scores:
    """Return an answer as the scores of so many pairs.

    Raises `AssayError` for any other answer.
    """
    scores = _typed(Scores, data)
    if [result.index for result in scores.results] != list(range(pairs)):
        raise AssayError(
            f"the answer is not an Assay's: it has {len(scores.results)} scores for {pairs} pairs,"
            " or not in order",
            OK,
        )
    return scores


def object_of(data: Any) -> dict[str, Any]:
    """Return an answer as an object.

    Raises `AssayError` for any other answer.
    """
    if not isinstance(data, dict):
        raise AssayError(f"the answer is not an Assay's: {str(data)[:SHOWN]}", OK)
    return data


def _typed(form: type[Form], data: Any) -> Form:
    try:
        return form.model_validate(data)
    except (ValidationError, RecursionError) as exc:
        raise AssayError(f"the answer is not an Assay's: {str(exc)[:SHOWN]}", OK) from exc
