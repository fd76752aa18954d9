"""The reduction of rows by a first walk; reductions of shards add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.aggregation.label_model.labels import LabelCounts, count
from assay.aggregation.statistics.duplicates import distinct
from assay.aggregation.statistics.row_sample import RowSample
from assay.aggregation.statistics.shard import MOST_LABELLED, Shard, concatenate


@dataclass(frozen=True, slots=True)
class RowReduction:
    """A sample of the rows, labelled queries, and the number of labels; its size is bounded."""

    sample: RowSample
    labelled: tuple[Shard, ...]
    counts: LabelCounts

    @classmethod
    def of(cls, shard: Shard, names: Sequence[str]) -> RowReduction:
        """Reduce a shard, duplicates once; raise `ValueError` if it has not a column a name."""
        if shard.scores.shape[1] != len(names):
            raise ValueError(
                f"scores: {shard.scores.shape[1]} columns, but {len(names)} verifier names"
            )
        labelled = shard.labelled_queries()
        counts = (
            LabelCounts()
            if labelled is None or shard.labels is None
            else count(shard.labels, shard.random, shard.random_queries())
        )
        return cls(
            RowSample.of(*distinct(shard.scores, shard.queries), names),
            () if labelled is None else (labelled,),
            counts,
        )

    def __add__(self, other: RowReduction) -> RowReduction:
        """Return the reduction of one walk over both shards."""
        labelled = self.labelled + other.labelled
        if sum(len(shard.scores) for shard in labelled) > 2 * MOST_LABELLED:
            labelled = (concatenate(labelled),)
        return RowReduction(self.sample.merge(other.sample), labelled, self.counts + other.counts)

    def all_labelled(self) -> Shard | None:
        """Return the labelled queries as one shard; None without any."""
        return concatenate(self.labelled) if self.labelled else None
