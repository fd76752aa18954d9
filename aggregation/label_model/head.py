"""The head: from a query's label-free and normal scores to log-odds and contributions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from assay.aggregation.label_model.label_free import BaseScore
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.normal_draws import normal_draws
from assay.aggregation.statistics.queries import Ints, Queries


@dataclass(frozen=True, slots=True)
class HeadRows:
    """A head's values of rows grouped by query: b's terms and z, shape (n, m), 0 where missing.

    `query_terms` and `query_z` are means over the query: of the terms over its rows that have a
    score, of z over those that this verifier scored (0 for a row that it did not).
    """

    terms: Floats
    query_terms: Floats
    z: Floats
    query_z: Floats
    base: Floats
    query_base: Floats

    @classmethod
    def from_scores(
        cls, base: BaseScore, u: Floats, z: Floats | None, queries: Queries
    ) -> HeadRows:
        """Return a head's values for mapped scores u and z, NaN where missing."""
        terms = base.terms(u, z)
        query_terms = queries.means(terms)
        nothing = np.zeros((1, 1))
        return cls(
            terms=terms,
            query_terms=query_terms,
            z=nothing if z is None else np.nan_to_num(z),
            query_z=nothing if z is None else np.where(np.isnan(z), 0.0, queries.means(z)),
            base=terms.sum(axis=1) + base.constant,
            query_base=query_terms.sum(axis=1) + base.constant,
        )

    def take(self, chosen: npt.NDArray[np.bool_] | Ints) -> HeadRows:
        """Return some of the rows, with the values of their whole queries."""
        return HeadRows(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @property
    def features(self) -> Floats:
        """Return the regression's columns, shape (n, 3 + 2 m): 1, b, mean b, z, mean z."""
        return np.hstack(
            [
                np.ones((len(self.base), 1)),
                self.base[:, None],
                self.query_base[:, None],
                self.z,
                self.query_z,
            ]
        )


@dataclass(frozen=True, slots=True)
class Head:
    """A row's log-odds: k times its weighted features, `weights` of shape (3 + 2 m,).

    k = 1 / sqrt(1 + pi v / 8) shrinks towards even odds by v, the variance of the sum given the
    labels, averaged over the query so that the order stays. `covariance` is that of the weights;
    None if no labels were used: then k = 1, and z is not read. A head for a candidate alone has
    no weight on query means.
    """

    weights: Floats
    covariance: Floats | None = None

    @property
    def reads_z(self) -> bool:
        """Return whether normal scores matter, beside those in b."""
        return self.covariance is not None

    def log_odds(self, rows: HeadRows, queries: Queries) -> Floats:
        """Return one log-odds a row; NaN where a row has no score that counts."""
        intercept, on_base, on_query = self.weights[:3]
        eta = intercept + on_base * rows.base + on_query * rows.query_base
        if self.reads_z:
            on_z, on_query_z = np.split(self.weights[3:], 2)
            eta += rows.z @ on_z + rows.query_z @ on_query_z
        return np.asarray(eta * self._shrinkage(rows, queries))

    def contributions(self, rows: HeadRows, queries: Queries) -> Floats:
        """Return each verifier's part of the log-odds, shape (n, m).

        A row's parts differ from it by a constant of its query.
        """
        _, on_base, on_query = self.weights[:3]
        parts = on_base * rows.terms + on_query * rows.query_terms
        if self.reads_z:
            on_z, on_query_z = np.split(self.weights[3:], 2)
            parts += rows.z * on_z + rows.query_z * on_query_z
        return np.asarray(parts * np.reshape(self._shrinkage(rows, queries), (-1, 1)))

    def select(self, places: Ints) -> Head:
        """Return the head for some verifiers, in another order; a place of -1 is unread."""
        columns = (len(self.weights) - 3) // 2
        picked = np.concatenate([np.arange(3), 3 + places, 3 + columns + places])
        read = np.concatenate([np.ones(3, bool), places >= 0, places >= 0])
        covariance = self.covariance
        if covariance is not None:
            covariance = np.where(np.outer(read, read), covariance[np.ix_(picked, picked)], 0.0)
        return Head(np.where(read, self.weights[picked], 0.0), covariance)

    def posterior_draws(
        self, rows: HeadRows, queries: Queries, places: Sequence[int]
    ) -> Floats | None:
        """Return some rows' log-odds by weights drawn from their posterior, shape (places, draws).

        In the scale of `log_odds`. The draws are the same at every call, and a draw's weights are
        those of all rows. None where no labels were used.
        """
        if self.covariance is None:
            return None
        chosen = np.asarray(places, np.int64)
        scale = np.broadcast_to(self._shrinkage(rows, queries), len(rows.base))[chosen]
        weights = normal_draws(self.weights, self.covariance)
        return np.asarray(rows.take(chosen).features @ weights * scale[:, None])

    def _variances(self, rows: HeadRows) -> Floats:
        if self.covariance is None:
            return np.zeros(len(rows.base))
        return np.asarray(np.einsum("ij,ij->i", rows.features @ self.covariance, rows.features))

    def _shrinkage(self, rows: HeadRows, queries: Queries) -> Floats | float:
        if self.covariance is None:
            return 1.0
        return np.asarray(1 / np.sqrt(1 + np.pi / 8 * queries.means(self._variances(rows))))


def log_odds_a_deviation(parts: Floats, z: Floats) -> Floats:
    """Return each verifier's log-odds for a standard deviation of z, shape (m,); 0 without scores.

    `parts`: its contributions, shape (n, m) as z; NaN where missing.
    """
    present = ~np.isnan(z) & ~np.isnan(parts)
    z, parts = np.where(present, z, 0.0), np.where(present, parts, 0.0)
    squares = (z**2).sum(axis=0)
    return np.where(squares > 0, (z * parts).sum(axis=0) / np.where(squares > 0, squares, 1.0), 0.0)
