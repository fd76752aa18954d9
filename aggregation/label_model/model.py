"""The label model: from weak verifiers' raw scores to P(correct), with or without labels.

fit(scores, query_id)          maps -> moments -> rank-one fit and trust -> label-free score
fit(scores, query_id, labels)  the same, then a head learned from the labels
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from typing import Self

import numpy as np
import numpy.typing as npt

from assay.aggregation.label_model.base_rate import (
    base_rate_from_third_moments,
    checked_base_rate,
    label_free_base_rate,
)
from assay.aggregation.label_model.estimator import Estimator, checked_lenders, require_fitted
from assay.aggregation.label_model.families import (
    Families,
    check_families,
    check_mapping,
    check_quality,
    codes,
    families_of,
    stated_names,
)
from assay.aggregation.label_model.fitted import checked_names, names_for
from assay.aggregation.label_model.head import Head, HeadRows, log_odds_a_deviation
from assay.aggregation.label_model.head_check import check_head
from assay.aggregation.label_model.hyperparameters import DEFAULT_HYPERPARAMETERS, Hyperparameters
from assay.aggregation.label_model.label_free import (
    BaseScore,
    average_weights,
    scaled,
    sharpness,
    slope_and_intercept,
    weights_of_followers,
)
from assay.aggregation.label_model.labelled_head import base_only_head, fit_head
from assay.aggregation.label_model.labels import LabelCounts, count
from assay.aggregation.label_model.rank_one import correlation
from assay.aggregation.label_model.relations.copies import find_copies, with_copies
from assay.aggregation.label_model.relations.inversion import LEAST_LOADING, inversions
from assay.aggregation.label_model.relations.outsiders import agreement_shares
from assay.aggregation.label_model.score_maps import MIN_SCORES, ScoreMaps
from assay.aggregation.label_model.transfer import TransferPrior, transfer_prior
from assay.aggregation.label_model.trust.shared_factor import Agreement, fit_shared_factor
from assay.aggregation.matrix import Floats, NotFittedError
from assay.aggregation.statistics.duplicates import COARSE_VALUES, distinct
from assay.aggregation.statistics.moments import Moments
from assay.aggregation.statistics.queries import TOO_LARGE, Queries, finite
from assay.aggregation.statistics.reduction import RowReduction
from assay.aggregation.statistics.row_sample import RowSample
from assay.aggregation.statistics.score_covariance import ScoreCovariance
from assay.aggregation.statistics.shard import Shard
from assay.aggregation.statistics.threads import one_blas_thread


class LabelModel(Estimator):
    """Combines raw scores into log-odds and probabilities that candidates are correct.

    Parameters: `base_rate`, the stated share of correct candidates; `families`: "auto" (the
    default) joins verifiers that repeat each other to a family, "given" takes families by name (the
    text before a colon), and {verifier: family} states those of some; `quality`, {verifier: AUC or
    low / medium / high}; `borrow`, models of other tasks, fitted with labels, whose weights for the
    same verifiers this one starts from; `hyperparameters`, the constants; `seed`. What it learns is
    listed in `FittedModel`; `get_params`, `set_params`, `save`, `load` and `summary` are
    `Estimator`'s.

    Shapes: `scores` (n, m), a row a candidate and a column a verifier, NaN where a score is
    missing; `query_id` and `labels` (n,); `score_samples` and `predict_proba` return (n,),
    `contributions` (n, m).

    >>> import numpy as np
    >>> from assay import LabelModel
    >>> random = np.random.default_rng(0)
    >>> correct = random.integers(0, 2, 4000)  # hidden from the model
    >>> scores = correct[:, None] * [2.0, 1.5, 1.2, 1.0, 0.8, 0.0] + random.normal(size=(4000, 6))
    >>> query = np.repeat(np.arange(500), 8)
    >>> model = LabelModel().fit(scores, query, verifier_names=list("abcdef"))
    >>> model
    LabelModel(fitted on 4000 rows of 500 queries: 6 verifiers, 0 labels)
    >>> probability = model.predict_proba(scores, query)
    >>> bool(((probability > 0.5) == correct).mean() > 0.85)
    True

    Sources: the setting, weak verifiers weighed without labels to choose among samples, is that of
    Weaver (Saad-Falcon et al. 2025, arXiv 2506.18203). That agreement off the diagonal has rank one
    where errors are independent is Parisi et al. 2014 (PNAS 111, 1253-1258); the base rate from
    third moments, and families whose errors depend on each other, are Jaffe, Nadler and Kluger
    (2015, AISTATS; 2016, AISTATS).
    """

    def __init__(
        self,
        base_rate: float | None = None,
        families: Families | None = "auto",
        quality: Mapping[str, float | str] | None = None,
        borrow: Sequence[LabelModel] = (),
        hyperparameters: Hyperparameters = DEFAULT_HYPERPARAMETERS,
        seed: int = 0,
    ) -> None:
        check_families(families)
        check_mapping("quality", quality)
        self.base_rate = checked_base_rate(base_rate)
        self.families = families
        self.quality = quality
        self.borrow = checked_lenders(borrow)
        self.hyperparameters = hyperparameters
        self.seed = seed

    def fit(
        self,
        scores: npt.ArrayLike,
        query_id: npt.ArrayLike,
        labels: npt.ArrayLike | None = None,
        *,
        verifier_names: Sequence[str] | None = None,
        label_random: npt.ArrayLike | None = None,
    ) -> Self:
        """Learn from raw scores, shape (n, m), NaN where missing, and from labels if present.

        `labels`: 0, 1, between for soft ones, -1 or NaN where unknown; `label_random`:
        which of them were drawn at random (default: all); `verifier_names`: the columns' names,
        by default those of a data frame. Raises `ValueError` for an
        invalid argument, `NotFittedError` without data to learn from, `OneClassError` if
        all labels are equal.
        """
        shard = Shard.of(scores, query_id, labels, label_random)
        names = names_for(scores, shard.scores.shape[1], verifier_names)
        return self.fit_shards([shard], names)

    def fit_shards(
        self, shards: Sequence[Shard] | Iterable[Shard], verifier_names: Sequence[str]
    ) -> Self:
        """Learn from shards that split no query: the result is that of one pass over all.

        `shards` is walked twice.
        """
        with one_blas_thread():
            return self._fit_shards(shards, checked_names(verifier_names))

    def _fit_shards(
        self, shards: Sequence[Shard] | Iterable[Shard], names: tuple[str, ...]
    ) -> Self:
        reduced = None
        for shard in shards:
            part = RowReduction.of(shard, names)
            reduced = part if reduced is None else reduced + part

        def moments(maps: ScoreMaps) -> Moments:
            return sum(
                (Moments.of(*distinct(shard.scores, shard.queries), maps) for shard in shards),
                Moments.zero(len(names)),
            )

        return self.fit_reduced(names, reduced, moments)

    def fit_reduced(
        self,
        names: Sequence[str],
        reduced: RowReduction | None,
        moments: Callable[[ScoreMaps], Moments],
    ) -> Self:
        """Learn from a first walk's reduction, and a second walk's moments with its maps."""
        if reduced is None or len(reduced.sample.scores) < MIN_SCORES:
            raise NotFittedError(
                f"{0 if reduced is None else len(reduced.sample.scores)} rows: it takes"
                f" {MIN_SCORES}"
            )
        with one_blas_thread():
            maps = ScoreMaps.fit(reduced.sample.scores, self.hyperparameters.whisker)
            rows, too_large = (reduced.sample, moments(maps)), reduced.too_large
            return self.fit_statistics(
                names, maps, *rows, *reduced.all_labelled(), too_large=too_large
            )

    def fit_statistics(
        self,
        names: Sequence[str],
        maps: ScoreMaps,
        sample: RowSample,
        moments: Moments,
        labelled: Shard | None = None,
        counts: LabelCounts | None = None,
        *,
        too_large: Mapping[str, int] | None = None,
    ) -> Self:
        """Learn from the rows' statistics: the time of a refit does not depend on their number.

        `counts`: of all labels, where `labelled` holds a part of them; `too_large`: the number of a
        verifier's scores that count as missing for their size.
        """
        if not maps.usable.any():
            beyond = sum((too_large or {}).values())
            why = f"; {beyond} scores are {TOO_LARGE}" if beyond else ""
            raise NotFittedError(f"no verifier has 10 scores of more than one value{why}")
        require_fitted(self.borrow)
        self.names_ = checked_names(names)
        self.too_large_ = {name: number for name, number in (too_large or {}).items() if number}
        self.families_ = families_of(self.names_, self.families)
        check_quality(self.quality, self.names_)
        self.maps_ = maps
        self.rows_, self.queries_, self.grouped_ = moments.rows, moments.queries, moments.grouped
        self.coverage_ = moments.counts / max(moments.rows, 1)
        self.dropped_ = maps.dropped(self.names_, sample.scores, self.too_large_)
        u, z, queries = maps.units(sample.scores), maps.normals(sample.scores), sample.queries
        self.joint_ = ScoreCovariance.of(u, z, queries)
        self._fit_base(u, z, queries, moments, labelled)
        self._fit_heads(labelled, counts)
        self._weigh(u, z, queries)
        return self

    def with_base_rate(self, base_rate: float) -> Self:
        """Return the same model for another stated base rate, which labels outrank."""
        self.require_fitted()
        other = copy(self)
        other.base_rate = checked_base_rate(base_rate)
        if not self.counts_.labels:
            other._state_base_rate(None)
            other.head_ = other.lone_head_ = other._label_free_head()
        return other

    def unfitted(self) -> Self:
        """Return a model with the same parameters that has learned nothing."""
        return type(self)(**self.get_params())

    def _fit_base(
        self, u: Floats, z: Floats, queries: Queries, moments: Moments, labelled: Shard | None
    ) -> None:
        covariance, pairs = moments.covariance()
        self.correlations_, deviations = correlation(covariance)
        usable = np.flatnonzero(self.maps_.usable)
        independent = pairs * moments.independent_share
        stated = stated_names(self.names_, self.families)
        self.copies_ = find_copies(
            self.names_,
            self.correlations_,
            independent,
            z,
            queries if self.grouped_ else Queries.single(len(z)),
            codes(self.families_),
            stated,
        )
        self.families_ = with_copies(self.names_, self.families_, self.copies_, stated)
        block, families = np.ix_(usable, usable), [self.families_[place] for place in usable]
        self.d_, against, average, fitted, mass = np.zeros((5, len(self.names_)))
        agreement = Agreement(self.correlations_[block], pairs[block], moments.independent_share)
        coarse = self.maps_.value_counts[usable] <= COARSE_VALUES
        factor = fit_shared_factor(agreement, codes(families), z[:, usable], queries, coarse)
        self.d_[usable], against[usable], self.trust_ = factor.d, factor.against, factor.trust
        self.inverted_ = inversions(self.names_, against, labelled)
        quality = [(self.quality or {}).get(self.names_[place]) for place in usable]
        average[usable] = average_weights(
            u[:, usable],
            queries,
            self.grouped_,
            families,
            quality,
            self.hyperparameters.spread,
        ) * agreement_shares(agreement.correlations, independent[block], codes(families), quality)
        kept = self.counted_places
        average = np.where(np.isin(np.arange(len(average)), kept), average, 0.0)
        # Nobody has checked the sign: who does not follow the others counts nothing, not against.
        w = weights_of_followers(
            self.correlations_[np.ix_(kept, kept)],
            self.d_[kept],
            self.hyperparameters.ridge,
            LEAST_LOADING,
        )
        mass[kept] = np.abs(w)
        positive = deviations[kept] > 0
        fitted[kept] = np.where(positive, w / np.where(positive, deviations[kept], 1.0), 0.0)
        self.base_ = scaled(
            BaseScore(average / average.sum(), fitted, mass, fitted_share=self.trust_.fitted_share),
            u,
            z,
            queries,
            self.grouped_,
        )
        estimate = None
        if self.trust_.value > 0:
            estimate = base_rate_from_third_moments(
                z[:, usable], self.d_[usable], codes(families), self.seed
            )
        self._state_base_rate(estimate)

    def _state_base_rate(self, estimate: float | None) -> None:
        self.base_rate_, self.base_rate_from_ = label_free_base_rate(
            self.base_rate, estimate, self.trust_.value
        )

    def _label_free_head(self) -> Head:
        kept = self.counted_places
        correlations = self.correlations_[np.ix_(kept, kept)]
        sharp = sharpness(self.d_[kept], correlations, self.trust_.value, self.base_rate_)
        slope, intercept = slope_and_intercept(self.base_rate_, sharp)
        return Head(np.concatenate([[intercept, slope], np.zeros(1 + 2 * len(self.names_))]))

    def _fit_heads(self, labelled: Shard | None, counts: LabelCounts | None) -> None:
        self.check_, self.prior_weights_ = None, []
        if labelled is None:
            self.counts_ = LabelCounts()
            self.head_ = self.lone_head_ = self._label_free_head()
            return
        assert labelled.labels is not None  # noqa: S101 - these are the labelled queries
        self.counts_ = counts or count(labelled.labels, labelled.random, labelled.random_queries())
        has_label = ~np.isnan(labelled.labels)
        scores, used = finite(labelled.scores), self.maps_.usable.astype(float)
        rows = HeadRows.from_scores(
            self.base_, self.maps_.units(scores), self.maps_.normals(scores), labelled.queries
        )
        rows, labels, of = (
            rows.take(has_label),
            labelled.labels[has_label],
            labelled.queries.codes()[has_label],
        )
        families = codes(self.families_)
        transfer = self._transfer_prior(False)
        self.lone_head_, self.prior_weights_ = fit_head(
            rows, labels, families, used, False, self.hyperparameters, transfer
        )
        self.head_ = self.lone_head_
        if self.grouped_:
            transfer = self._transfer_prior(True)
            self.head_, self.prior_weights_ = fit_head(
                rows, labels, families, used, True, self.hyperparameters, transfer
            )
        self.check_ = check_head(
            rows, labels, of, families, used, self.grouped_, self.hyperparameters, transfer
        )
        if self.check_ is not None and self.check_.fall_back:
            self.head_ = self.lone_head_ = base_only_head(rows, labels)

    def _transfer_prior(self, with_query: bool) -> TransferPrior | None:
        """Return this model's weights according to other labelled tasks with shared verifiers."""
        heads = []
        for model in self.borrow:
            shared = np.array(
                [name in model.names_ and name not in model.dropped_ for name in self.names_]
            )
            if shared.any():
                other = model.for_verifiers(self.names_, strict=False)
                heads.append((other.head_ if with_query else other.lone_head_, shared))
        return transfer_prior(heads)

    def _weigh(self, u: Floats, z: Floats, queries: Queries) -> None:
        """Learn each verifier's log-odds for a standard deviation, from the sampled rows."""
        parts = self.head_.contributions(HeadRows.from_scores(self.base_, u, z, queries), queries)
        self.weights_ = log_odds_a_deviation(parts, z)
