"""The head: what turns the label-free score and the normal scores of a query into log-odds and contributions."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from .base import Floats
from .label_free import BaseScore
from .queries import Ints, Queries


@dataclass(frozen=True, slots=True)
class Rows:
    """What the head reads of rows that are grouped by query: b's terms and z, shape (n, m), 0 where missing.

    `query_terms` and `query_z` are means over the query: of the terms over its rows that have a score, of z over those
    that this verifier scored (0 for a row that it did not).
    """

    terms: Floats
    query_terms: Floats
    z: Floats
    query_z: Floats
    base: Floats
    query_base: Floats

    @classmethod
    def of(cls, base: BaseScore, u: Floats, z: Floats | None, queries: Queries) -> Rows:
        """Return what the head reads of mapped scores u and z, NaN where missing."""
        terms = base.terms(u, z)
        query_terms = queries.means(terms)
        nothing = np.zeros((1, 1))
        return cls(
            terms,
            query_terms,
            nothing if z is None else np.nan_to_num(z),
            nothing if z is None else np.where(np.isnan(z), 0.0, queries.means(z)),
            terms.sum(axis=1) + base.constant,
            query_terms.sum(axis=1) + base.constant,
        )

    def take(self, chosen: npt.NDArray[np.bool_]) -> Rows:
        """Return some of the rows; what was read of their whole queries stays."""
        return Rows(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def features(self, with_query: bool) -> Floats:
        """Return the columns of the regression: 1, b, [b's query mean], z, [z's query mean]."""
        columns = [np.ones((len(self.base), 1)), self.base[:, None]]
        if with_query:
            columns.append(self.query_base[:, None])
        columns.append(self.z)
        if with_query:
            columns.append(self.query_z)
        return np.hstack(columns)


@dataclass(frozen=True, slots=True)
class Head:
    """A row's log-odds: k (intercept + on_base b + on_query mean b + sum of on_z z + sum of on_query_z mean z).

    k = 1 / sqrt(1 + pi v / 8) shrinks towards even odds by v, the variance of the sum given the labels, averaged over
    the query so that the order stays; k = 1 where `covariance` is None. `with_query`: the query's means are read.
    """

    intercept: float
    on_base: float
    on_query: float
    on_z: Floats
    on_query_z: Floats
    covariance: Floats | None = None
    with_query: bool = False

    @property
    def reads_z(self) -> bool:
        """Return whether normal scores matter, beside those in b."""
        return self.covariance is not None

    def weights(self) -> Floats:
        """Return the weights of the columns in `Rows.features`."""
        first = [self.intercept, self.on_base, *([self.on_query] if self.with_query else [])]
        return np.concatenate([first, self.on_z, self.on_query_z if self.with_query else []])

    def log_odds(self, rows: Rows, queries: Queries) -> Floats:
        """Return one log-odds a row; NaN where a row has no score that counts."""
        eta = self.intercept + self.on_base * rows.base
        if self.with_query:
            eta = eta + self.on_query * rows.query_base
        if self.reads_z:
            eta = eta + rows.z @ self.on_z
            if self.with_query:
                eta += rows.query_z @ self.on_query_z
        return eta * self._shrinkage(rows, queries)

    def contributions(self, rows: Rows, queries: Queries) -> Floats:
        """Return each verifier's part of the log-odds, shape (n, m); a row's parts differ from it by a constant of its query."""
        parts = self.on_base * rows.terms
        if self.with_query:
            parts = parts + self.on_query * rows.query_terms
        if self.reads_z:
            parts = parts + rows.z * self.on_z
            if self.with_query:
                parts += rows.query_z * self.on_query_z
        return np.asarray(parts * np.reshape(self._shrinkage(rows, queries), (-1, 1)))

    def select(self, places: Ints) -> Head:
        """Return the head for some verifiers, in another order; a place of -1 is one that it does not read."""
        known = places >= 0
        first, columns = 3 if self.with_query else 2, len(self.on_z)
        on_z, on_query_z = np.where(known, self.on_z[places], 0.0), np.where(known, self.on_query_z[places], 0.0)
        covariance = self.covariance
        if covariance is not None:
            kept = np.concatenate([np.arange(first), first + places, *([first + columns + places] if self.with_query else [])])
            read = np.concatenate([np.ones(first, bool), known, *([known] if self.with_query else [])])
            covariance = np.where(np.outer(read, read), covariance[np.ix_(kept, kept)], 0.0)
        return replace(self, on_z=on_z, on_query_z=on_query_z, covariance=covariance)

    def deviations(self, rows: Rows) -> Floats:
        """Return the standard deviation of each row's log-odds given the labels; 0 where no labels were used."""
        return np.sqrt(self._variances(rows))

    def _variances(self, rows: Rows) -> Floats:
        if self.covariance is None:
            return np.zeros(len(rows.base))
        features = rows.features(self.with_query)
        return np.asarray(np.einsum("ij,ij->i", features @ self.covariance, features))

    def _shrinkage(self, rows: Rows, queries: Queries) -> Floats | float:
        if self.covariance is None:
            return 1.0
        variances = self._variances(rows)
        variances[np.isnan(rows.base)] = np.nan
        return np.asarray(1 / np.sqrt(1 + np.pi / 8 * queries.means(variances)))
