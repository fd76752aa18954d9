"""Two systems and their labels, read from files and compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from assay.aggregation.comparison.system_comparison import SystemComparison, compare_systems
from assay.service.cli.comparison.candidate_arrays import candidate_arrays, system_numbers
from assay.service.cli.comparison.candidate_labels import (
    JoinedLabels,
    labels_of_file,
    own_labels,
)
from assay.service.cli.comparison.candidate_rows import SystemFile
from assay.service.cli.comparison.choices import ComparedChoice
from assay.service.cli.comparison.joining import JoinedSystems, joined
from assay.service.cli.comparison.row_values import ComparisonError
from assay.service.cli.comparison.sole_verifier import refuse_several_verifiers
from assay.service.cli.comparison.systems import ComparedFiles, read_systems


@dataclass(frozen=True, slots=True)
class LabelUse:
    """Which labels count: `left_out` were stated not to be drawn at random.

    `random`: "stated", where all that count were stated to be drawn at random; "assumed", where
    some do not state it; "not", where all are stated not to be, and count nevertheless.
    """

    values: list[float]
    left_out: int
    random: str
    unmatched: int


@dataclass(frozen=True, slots=True)
class FileComparison:
    """A comparison of files, and how they were understood."""

    files: ComparedFiles
    systems: tuple[SystemFile, SystemFile]
    joined: JoinedSystems
    picked_by: tuple[str | None, str | None]
    predicted_by: tuple[str, str]
    labels: LabelUse
    result: SystemComparison


def compared(files: ComparedFiles) -> FileComparison:
    """Return the comparison; raise `ComparisonError` where the files allow none."""
    first, second = read_systems(files)
    if files.by is ComparedChoice.PICK:
        for system in (second,) if files.baseline is not None else (first, second):
            refuse_several_verifiers(system)
    pair = joined(first, second, files.own_candidates)
    labels = (
        own_labels(pair.candidates)
        if files.labels is None
        else labels_of_file(files.labels, files.columns, pair.candidates, files.column)
    )
    use = label_use(labels)
    if all(map(math.isnan, use.values)):
        raise ComparisonError(
            f"{first.path}: has no label, and nothing is better without one: give --labels FILE, or"
            " a column `label` (or --map label=COLUMN); 25 labels of random queries are a start"
        )
    numbers = (
        system_numbers([candidate.first for candidate in pair.candidates]),
        system_numbers([candidate.second for candidate in pair.candidates]),
    )
    arrays = candidate_arrays(
        pair, numbers, use.values, files.by, files.baseline, (first.path, second.path)
    )
    return FileComparison(
        files=files,
        systems=(first, second),
        joined=pair,
        picked_by=(numbers[0].picked_by, numbers[1].picked_by),
        predicted_by=(numbers[0].predicted_by, numbers[1].predicted_by),
        labels=use,
        result=compare_systems(arrays),
    )


def label_use(labels: JoinedLabels) -> LabelUse:
    """Return the labels that count: those stated not to be random are left out, if others are
    there.
    """
    present = [flag for value, flag in _pairs(labels) if not math.isnan(value)]
    not_random = present.count(False)
    if not_random == len(present):
        return LabelUse(labels.values, 0, "not" if present else "assumed", labels.unmatched)
    values = [math.nan if flag is False else value for value, flag in _pairs(labels)]
    random = "assumed" if None in present else "stated"
    return LabelUse(values, not_random, random, labels.unmatched)


def _pairs(labels: JoinedLabels) -> Sequence[tuple[float, bool | None]]:
    return list(zip(labels.values, labels.random, strict=True))
