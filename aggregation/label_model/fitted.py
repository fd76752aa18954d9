"""A fitted label model: reads scores with the learned values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from assay.aggregation.label_model.families import families_of, listed
from assay.aggregation.label_model.head import Head, HeadRows
from assay.aggregation.label_model.head_check import HeadCheck
from assay.aggregation.label_model.label_free import BaseScore
from assay.aggregation.label_model.labelled_head import PriorWeight
from assay.aggregation.label_model.labels import LabelCounts
from assay.aggregation.label_model.rank_one import Trust
from assay.aggregation.label_model.relations.copies import Copy
from assay.aggregation.label_model.relations.inversion import Inversion
from assay.aggregation.label_model.score_maps import ScoreMaps
from assay.aggregation.matrix import Floats, NotFittedError
from assay.aggregation.statistics.queries import Ints, Queries
from assay.aggregation.statistics.score_covariance import ScoreCovariance
from assay.aggregation.statistics.shard import Shard, column_names

Reading = Callable[[Head, HeadRows, Queries], Floats]
"""A method of `Head`."""


class FittedModel:
    """The values that `LabelModel` has learned, and how scores are read with them.

    It does not learn.

    `names_`, `families_`, `maps_`, `base_` (the label-free score), `head_` and `lone_head_` (for a
    candidate alone), `d_`, `correlations_`, `trust_`, `base_rate_` and `base_rate_from_`, `counts_`
    (labels), `rows_`, `queries_`, `coverage_`, `dropped_` {verifier: why}, `too_large_` {verifier:
    number of scores that count as missing for their size}, `weights_` (log-odds a
    standard deviation of z), `prior_weights_`, `check_`, `grouped_` (queries have enough candidates
    to learn within them), `joint_` (how mapped scores vary together; None in old files), `copies_`
    and `inverted_` (verifiers that repeat each other, and that score wrong candidates above right
    ones; empty in old files). `base_rate_` is that of the label-free score, also with labels, which
    start from it; `believed_base_rate` is the one that `summary()` shows. Two of the caller's
    statements stay beside it: `base_rate` and `quality`.
    """

    base_rate: float | None
    quality: Mapping[str, float | str] | None
    names_: tuple[str, ...]
    families_: tuple[str, ...]
    maps_: ScoreMaps
    base_: BaseScore
    head_: Head
    lone_head_: Head
    d_: Floats
    correlations_: Floats
    trust_: Trust
    base_rate_: float
    base_rate_from_: str
    counts_: LabelCounts
    rows_: int
    queries_: int
    coverage_: Floats
    dropped_: dict[str, str]
    too_large_: dict[str, int]
    weights_: Floats
    prior_weights_: list[PriorWeight]
    check_: HeadCheck | None
    grouped_: bool
    joint_: ScoreCovariance | None
    copies_: list[Copy]
    inverted_: list[Inversion]

    @property
    def is_fitted(self) -> bool:
        """Return whether the model has learned anything yet."""
        return hasattr(self, "head_")

    def require_fitted(self) -> None:
        """Raise `NotFittedError` if the model has learned nothing yet."""
        if not self.is_fitted:
            raise NotFittedError("the label model was not fitted yet: call fit, or load one")

    @property
    def counted_places(self) -> Ints:
        """Return the verifiers of the label-free score: those that the others do not invert."""
        inverted = {inversion.name for inversion in self.inverted_ if inversion.loading is not None}
        counted = self.maps_.usable & [name not in inverted for name in self.names_]
        return np.flatnonzero(counted)

    def score_samples(self, scores: npt.ArrayLike, query_id: npt.ArrayLike) -> Floats:
        """Return one log-odds a row, shape (n,); NaN where a row has no score that counts.

        A query of one candidate is read by the head for a candidate alone. A data frame's columns
        are found by name, in any order; `ValueError` names unknown and missing ones.
        """
        return self._read_all(scores, query_id, Head.log_odds)

    def predict_proba(self, scores: npt.ArrayLike, query_id: npt.ArrayLike) -> Floats:
        """Return P(correct) of each row, shape (n,), ordered as the log-odds; NaN where unknown."""
        return np.asarray(expit(self.score_samples(scores, query_id)))

    def contributions(self, scores: npt.ArrayLike, query_id: npt.ArrayLike) -> Floats:
        """Return each verifier's part of each row's log-odds, shape (n, m).

        With a constant of the query they sum to it. Columns are in the order of `scores`.
        """
        return self._read_all(scores, query_id, Head.contributions)

    @property
    def calibrated_(self) -> bool:
        """Return whether labels calibrate: enough, of both classes, half of them random."""
        return self.counts_.calibrated

    @property
    def believed_base_rate(self) -> tuple[float, str]:
        """Return the share of correct candidates and where it comes from.

        Labels outrank a stated base rate, and that one an estimate.
        """
        by_labels = self.counts_.base_rate
        if by_labels is None:
            return self.base_rate_, self.base_rate_from_
        return by_labels, "labels"

    def read(self, scores: Floats, queries: Queries, head: Head) -> HeadRows:
        """Return a head's values for raw scores with adjacent queries."""
        z = self.maps_.normals(scores) if head.reads_z or self.base_.fitted_share > 0 else None
        return HeadRows.from_scores(self.base_, self.maps_.units(scores), z, queries)

    def for_verifiers(self, names: Sequence[str], *, strict: bool = True) -> Self:
        """Return the same model for columns of these names; a missing verifier is a missing score.

        Raises `ValueError` for a name that the model does not know; with `strict` off, its scores
        do not count.
        """
        self.require_fitted()
        names = checked_names(names)
        if names == self.names_:
            return self
        places_by_name = {name: place for place, name in enumerate(self.names_)}
        if strict and (unknown := [name for name in names if name not in places_by_name]):
            raise ValueError(
                "the model does not know"
                f" {', '.join(map(repr, unknown[:5]))}{' …' if len(unknown) > 5 else ''}; it was"
                f" fitted on: {', '.join(self.names_)}"
            )
        places = np.array([places_by_name.get(name, -1) for name in names])
        read = places >= 0
        if not (read.any() and self.maps_.usable[places[read]].any()):
            raise ValueError(
                "the data have none of the model's verifiers; it was fitted on:"
                f" {', '.join(self.names_)}"
            )
        other = copy(self)
        other.names_ = names
        other.families_ = tuple(
            self.families_[place] if place >= 0 else family
            for place, family in zip(places, families_of(names), strict=True)
        )
        other.maps_, other.base_ = self.maps_.select(places), self.base_.select(places)
        other.head_, other.lone_head_ = self.head_.select(places), self.lone_head_.select(places)
        if self.lone_head_ is self.head_:
            other.lone_head_ = other.head_
        other.d_, other.weights_, other.coverage_ = (
            np.where(read, values[places], 0.0)
            for values in (self.d_, self.weights_, self.coverage_)
        )
        other.correlations_ = np.where(
            np.outer(read, read), self.correlations_[np.ix_(places, places)], 0.0
        )
        other.joint_ = None if self.joint_ is None else self.joint_.select(places)
        other.copies_ = [
            copy_ for copy_ in self.copies_ if {copy_.first, copy_.second} <= set(names)
        ]
        other.inverted_ = [inversion for inversion in self.inverted_ if inversion.name in names]
        other.too_large_ = {
            name: number for name, number in self.too_large_.items() if name in names
        }
        other.dropped_ = {name: why for name, why in self.dropped_.items() if name in names}
        return other

    def _read_all(self, scores: npt.ArrayLike, query_id: npt.ArrayLike, read: Reading) -> Floats:
        """Return the heads' values of each row in the caller's order, block by block."""
        self.require_fitted()
        columns = column_names(scores)
        if columns is not None and columns != self.names_ and self._goes_by_name(columns):
            return self._for_columns(columns)._read_all(np.asarray(scores), query_id, read)
        shard = Shard.of(scores, query_id)
        if shard.scores.shape[1] != len(self.names_):
            raise ValueError(
                f"scores: {shard.scores.shape[1]} columns, but the model has {len(self.names_)}"
                " verifiers"
            )
        blocks = [
            self._read_block(part, queries, read)
            for part, queries in shard.queries.blocks(shard.scores)
        ]
        return np.asarray(shard.queries.put_back(np.concatenate(blocks))) if blocks else np.zeros(0)

    def _goes_by_name(self, columns: Sequence[str]) -> bool:
        """Whether a data frame's columns are found by name: not if the fit had no names."""
        unnamed = self.names_ == numbered_names(len(self.names_))
        return not (unnamed and set(columns).isdisjoint(self.names_))

    def _for_columns(self, columns: Sequence[str]) -> Self:
        """Return the same model for a data frame's columns, which have all verifiers' names."""
        model = self.for_verifiers(columns)
        if missing := [repr(name) for name in self.names_ if name not in columns]:
            raise ValueError(
                f"scores: no column has the name {listed(missing)};"
                " model.for_verifiers(names) reads scores without them"
            )
        return model

    def _read_block(self, scores: Floats, queries: Queries, read: Reading) -> Floats:
        """Read queries of one candidate by the lone head, others by the query head."""
        alone = queries.sizes == 1
        if self.head_ is self.lone_head_ or not alone.any():
            return read(self.head_, self.read(scores, queries, self.head_), queries)
        rows, values = [], []
        for head, chosen in (
            (self.lone_head_, np.flatnonzero(alone)),
            (self.head_, np.flatnonzero(~alone)),
        ):
            if len(chosen):
                some = queries.pick(chosen)
                rows.append(queries.rows_of(chosen))
                values.append(read(head, self.read(scores[rows[-1]], some, head), some))
        return np.asarray(np.concatenate(values)[np.argsort(np.concatenate(rows))])


def numbered_names(count: int) -> tuple[str, ...]:
    """Return the names of verifiers that nobody named."""
    return tuple(f"v{place}" for place in range(count))


def names_for(scores: object, count: int, stated: Sequence[str] | None) -> Sequence[str]:
    """Return the verifiers' names: stated, else a data frame's, else numbered.

    Raises `ValueError` if both are there and differ.
    """
    columns = column_names(scores)
    if stated is None:
        return columns or numbered_names(count)
    if columns is not None and tuple(map(str, stated)) != columns:
        raise ValueError(
            f"verifier_names: {listed(list(map(str, stated)))} are not the names of scores'"
            f" columns, {listed(columns)}: leave them out, or rename the columns"
        )
    return stated


def checked_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return verifier names as strings.

    Raises `ValueError` for a repeated or an empty name.
    """
    checked = tuple(str(name) for name in names)
    for place, name in enumerate(checked):
        if not name:
            raise ValueError(f"verifier_names: column {place} has no name")
        if name in checked[:place]:
            raise ValueError(
                f"verifier_names: {name!r} names column {checked.index(name)} and column {place};"
                " names must differ"
            )
    return checked
