"""Which other tool wrote a file, by the keys of its first row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from assay.service.domain.errors import StartupError
from assay.service.importers.annotation_tools.argilla import ArgillaExport
from assay.service.importers.annotation_tools.label_studio import LabelStudioExport
from assay.service.importers.evaluations.inspect_logs import InspectLogs
from assay.service.importers.evaluations.lighteval import LightevalDetails
from assay.service.importers.evaluations.lm_eval import LmEvalSamples
from assay.service.importers.evaluations.openai_batch import OpenAIBatch
from assay.service.importers.importer import Importer, RowShape, Wish
from assay.service.importers.preferences.alpaca_eval import AlpacaAnnotations
from assay.service.importers.preferences.mt_bench import MtBenchJudgments
from assay.service.importers.preferences.reward_bench import RewardBenchResults
from assay.service.importers.tool_rows import ToolRow
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.reading import NumberedRow

IMPORTERS: tuple[Importer, ...] = (
    LmEvalSamples(),
    LightevalDetails(),
    RewardBenchResults(),
    AlpacaAnnotations(),
    MtBenchJudgments(),
    InspectLogs(),
    OpenAIBatch(),
    LabelStudioExport(),
    ArgillaExport(),
)
#: Values of `--from` that name no tool.
ANY_TOOL, NO_TOOL = "auto", "none"

#: What `--map` says of any table of scores, and not of a tool's rows.
OF_TABLES = ("verifiers",)


@dataclass(frozen=True, slots=True)
class Converted:
    """A file's rows in the wanted shape, and which tool's they were (None: rows of our own).

    `skipped`, `unlabelled` and `understood` are whole once the rows are read.
    """

    rows: Iterator[NumberedRow]
    title: str | None = None
    skipped: Counter[str] = field(default_factory=Counter)
    unlabelled: Counter[str] = field(default_factory=Counter)
    understood: dict[str, str] = field(default_factory=dict)


def importer_named(name: str) -> Importer:
    """Return an importer; raise `StartupError`, which lists the names, for an unknown one."""
    for importer in IMPORTERS:
        if importer.name == name:
            return importer
    names = ", ".join([*(importer.name for importer in IMPORTERS), ANY_TOOL, NO_TOOL])
    raise StartupError(f"no tool is named {name[:40]!r}; there are {names}")


def recognised(row: Mapping[str, Any]) -> Importer | None:
    """Return the importer of the tool that wrote a row; None for a row of our own."""
    return next((importer for importer in IMPORTERS if importer.recognises(row)), None)


def converted(
    rows: Iterable[NumberedRow],
    shape: RowShape,
    name: str | None = None,
    *,
    file: str = "",
    columns: ColumnMap | None = None,
) -> Converted:
    """Return rows in the wanted shape where another tool wrote them, and as they are otherwise.

    `name` forces a tool, or `none` for rows of our own. `file` is named in errors. Raises
    `StartupError` where the tool's files do not give the shape.
    """
    remaining = iter(rows)
    first = None if name == NO_TOOL else next(remaining, None)
    if first is None:
        return Converted(remaining)
    every = chain([first], remaining)
    importer = (
        recognised(first[1]) if name in (None, ANY_TOOL) else importer_named(name or ANY_TOOL)
    )
    if importer is None:
        return Converted(every)
    stated = (columns or ColumnMap()).columns
    wish = Wish(shape, ColumnMap({name: stated[name] for name in stated if name not in OF_TABLES}))
    tool_rows = (ToolRow(row, line, file) for line, row in every)
    return converted_by(importer, tool_rows, wish, file)


def converted_by(
    importer: Importer, rows: Iterable[ToolRow], wish: Wish, file: str = ""
) -> Converted:
    """Return the rows that an importer makes of a tool's rows."""
    if wish.shape not in importer.shapes:
        raise StartupError(
            f"{file + ': ' if file else ''}holds {importer.title}, which give"
            f" {' or '.join(importer.shapes)}, not {wish.shape}"
        )
    for name in wish.columns:
        if name not in importer.mapped:
            names = ", ".join(importer.mapped) or "no field"
            raise StartupError(f"--map: {importer.title} take {names} (got {name[:40]!r})")
    rows_of_ours = importer.rows(rows, replace(wish, file=file))
    return Converted(rows_of_ours, importer.title, wish.skipped, wish.unlabelled, wish.understood)
