"""`assay fit --ray`: workers reduce the files to statistics, and this process adds them up.

A label model needs two walks over the rows: a sample (with the labelled queries), then moments
under the maps that follow from it. Both add up, in the files' order, so the model is the one that a
single process would fit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from assay.aggregation import LabelModel
from assay.aggregation.label_model.score_maps import ScoreMaps
from assay.aggregation.statistics.duplicates import distinct
from assay.aggregation.statistics.moments import Moments
from assay.aggregation.statistics.reduction import RowReduction
from assay.service.batch.on_ray import connect_to_ray
from assay.service.domain.errors import StartupError
from assay.service.score_files.columns.file_columns import TableReading
from assay.service.score_files.shards import check_apart, query_hashes, shard_of


def fit_on_ray(
    address: str,
    model: LabelModel,
    paths: Sequence[Path],
    reading: TableReading,
    names: tuple[str, ...],
) -> LabelModel:
    """Return a model fitted on all files, which every node must see under the same paths.

    This process holds one hash of 8 bytes of each query, to see that none is in two files.
    Raises the errors of the workers.
    """
    ray = connect_to_ray(address)
    try:
        reduced, seen = None, dict[int, Path]()
        for path, (part, queries) in zip(
            paths, _each(ray, _reduced, paths, reading, names), strict=True
        ):
            check_apart(path, queries.tolist(), seen)
            reduced = part if reduced is None else reduced + part

        def moments(maps: ScoreMaps) -> Moments:
            return sum(_each(ray, _moments, paths, reading, names, maps), Moments.zero(len(names)))

        return model.fit_reduced(names, reduced, moments)
    finally:
        ray.shutdown()


def _reduced(
    path: Path, reading: TableReading, names: tuple[str, ...]
) -> tuple[RowReduction, npt.NDArray[Any]]:
    shard = shard_of(path, reading.labels, names, reading)
    return RowReduction.of(shard, names), query_hashes(shard.queries.ids)


def _moments(path: Path, reading: TableReading, names: tuple[str, ...], maps: ScoreMaps) -> Moments:
    shard = shard_of(path, reading.labels, names, reading)
    return Moments.of(*distinct(shard.scores, shard.queries), maps)


def _each(
    ray: Any, work: Callable[..., Any], paths: Sequence[Path], *arguments: Any
) -> Iterator[Any]:
    """Yield the workers' results of each file, in order.

    Two a CPU are in progress, which bounds the waiting results.
    """
    ask = ray.remote(work).remote
    references = [ray.put(argument) for argument in arguments]
    room = 2 * max(1, int(ray.cluster_resources().get("CPU", 1)))
    waiting: deque[Any] = deque()
    left = iter(paths)
    try:
        while True:
            while len(waiting) < room and (path := next(left, None)) is not None:
                waiting.append(ask(path, *references))
            if not waiting:
                return
            yield ray.get(waiting.popleft())
    except ray.exceptions.RayTaskError as exc:
        if isinstance(exc.cause, (StartupError, ValueError)):
            raise exc.cause from None
        raise
