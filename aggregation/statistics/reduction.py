"""The reduction of rows by a first walk; reductions of shards add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assay.aggregation.label_model.labels import LabelCounts, count
from assay.aggregation.statistics.queries import too_large
from assay.aggregation.statistics.row_sample import RowSample
from assay.aggregation.statistics.shard import MOST_LABELLED, Shard, concatenate


@dataclass(frozen=True, slots=True)
class RowReduction:
    """A sample of the rows, labelled queries, and the number of labels; its size is bounded.

    `too_large`: the number of a verifier's scores that count as missing for their size.
    """

    sample: RowSample
    labelled: tuple[Shard, ...]
    counts: LabelCounts
    too_large: Counter[str]

    @classmethod
    def of(cls, shard: Shard, names: Sequence[str]) -> RowReduction:
        """Reduce a shard, duplicates once; raise `ValueError` if it has not a column a name."""
        if shard.scores.shape[1] != len(names):
            raise ValueError(
                f"scores: {shard.scores.shape[1]} columns, but {len(names)} verifier names"
            )
        shard = shard.distinct()
        labelled = shard.labelled_queries()
        counts = (
            LabelCounts()
            if labelled is None or shard.labels is None
            else count(shard.labels, shard.random, shard.random_queries())
        )
        return cls(
            RowSample.of(shard.scores, shard.queries, names),
            () if labelled is None else (labelled,),
            counts,
            Counter(dict(zip(names, too_large(shard.scores).tolist(), strict=True))),
        )

    def __add__(self, other: RowReduction) -> RowReduction:
        """Return the reduction of one walk over both shards."""
        labelled = self.labelled + other.labelled
        if sum(len(shard.scores) for shard in labelled) > 2 * MOST_LABELLED:
            labelled = (concatenate(labelled),)
        return RowReduction(
            self.sample.merge(other.sample),
            labelled,
            self.counts + other.counts,
            self.too_large + other.too_large,
        )

    def all_labelled(self) -> tuple[Shard | None, LabelCounts]:
        """Return the labelled queries as one shard, None without any, and the counts of all labels.

        A query that two shards have counts once, where the one shard holds all labels.
        """
        if len(self.labelled) < 2:
            return (self.labelled[0] if self.labelled else None), self.counts
        whole = concatenate(self.labelled)
        counted = whole.distinct()
        assert whole.labels is not None  # noqa: S101 - these are labelled queries
        assert counted.labels is not None  # noqa: S101
        if int((~np.isnan(whole.labels)).sum()) < self.counts.labels:
            return counted, self.counts
        return counted, count(counted.labels, counted.random, counted.random_queries())
