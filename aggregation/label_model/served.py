"""A fitted label model in a service: an ensemble's columns, one request at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from assay.aggregation.averages.robust_average import RobustAverage
from assay.aggregation.label_model.model import LabelModel
from assay.aggregation.label_model.saved.serialization import version_of
from assay.aggregation.label_model.score_maps import ONE_VALUE
from assay.aggregation.matrix import Column, Combined, Floats
from assay.aggregation.statistics.queries import Queries, finite


class ServedModel:
    """Reads requests with columns by name; a verifier unknown to the model does not count."""

    def __init__(
        self, model: LabelModel, columns: Sequence[Column], version: str | None = None
    ) -> None:
        self._whole = model
        self._model = model.for_verifiers([column.name for column in columns], strict=False)
        self.columns = tuple(columns)
        self.ignored = tuple(column.name for column in columns if column.name not in model.names_)
        self.version = version_of(model) if version is None else version
        self.calibrated = model.calibrated_
        self.base_rate_stated = model.base_rate is not None
        self.learned = True
        dropped = self._model.dropped_
        self._unlearned = np.array(
            [
                not self.calibrated and dropped.get(column.name, ONE_VALUE) != ONE_VALUE
                for column in columns
            ],
            dtype=bool,
        )

    @property
    def fitted(self) -> LabelModel:
        """Return the model as it reads these columns."""
        return self._model

    def for_columns(self, columns: Sequence[Column]) -> ServedModel:
        """Return the model for another ensemble; raise `ValueError` if it knows no verifier."""
        return ServedModel(self._whole, columns, self.version)

    def combine(self, scores: Floats, alone: bool) -> Combined:
        """Combine a request's raw scores; a query of one candidate is read as a candidate alone.

        Rows that only verifiers outside the model scored get the robust average of those. A fit
        without labels adds to its score the average of verifiers that had too few scores in it.
        """
        scores, count = finite(scores), len(scores)
        queries = (
            Queries(None, np.arange(count + 1), np.arange(count))
            if alone
            else Queries.single(count)
        )
        head = self._model.lone_head_ if alone or count == 1 else self._model.head_
        rows = self._model.read(scores, queries, head)
        combined = Combined(
            head.log_odds(rows, queries),
            lambda: np.nan_to_num(head.contributions(rows, queries)),
            lambda places: head.posterior_draws(rows, queries, places),
            counted=~np.isnan(scores) & (self._model.weights_ != 0),
        )
        if self._unlearned.any():
            combined = self._with_unlearned(combined, scores, alone)
        left_out = np.isnan(combined.log_odds) & ~np.isnan(scores).all(axis=1)
        return self._averaged(combined, scores, alone, left_out) if left_out.any() else combined

    def _with_unlearned(self, combined: Combined, scores: Floats, alone: bool) -> Combined:
        """Return the same with the verifiers' part that the fit had too few scores of."""
        average = RobustAverage(self.columns, self._model.base_rate_)
        of_average = average.combine(scores, alone)
        parts = np.where(self._unlearned, of_average.contributions(), 0.0)
        counted = combined.counted
        if counted is not None and of_average.counted is not None:
            counted = np.where(self._unlearned, of_average.counted, counted)
        return Combined(
            combined.log_odds + parts.sum(axis=1),
            lambda: combined.contributions() + parts,
            combined.posterior_draws,
            counted=counted,
        )

    def _averaged(
        self, combined: Combined, scores: Floats, alone: bool, left_out: npt.NDArray[np.bool_]
    ) -> Combined:
        """Return the same with the robust average of the rows that the model has nothing on."""
        average = RobustAverage(self.columns, self._model.base_rate_)
        log_odds = average.score_samples(scores, alone)
        if np.isnan(log_odds[left_out]).any():  # all scores alike, without a stated range
            log_odds = np.where(np.isnan(log_odds), average.intercept, log_odds)
        return Combined(
            np.where(left_out, log_odds, combined.log_odds),
            lambda: np.where(
                left_out[:, None], average.contributions(scores, alone), combined.contributions()
            ),
            combined.posterior_draws,
            left_out,
            combined.counted,
        )
