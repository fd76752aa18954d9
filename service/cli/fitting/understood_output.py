"""Prints what was understood of score files, on stderr: nothing is guessed silently."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from assay.service.cli.console import Console
from assay.service.row_files.column_map import ColumnMap
from assay.service.score_files.columns.file_columns import TableReading
from assay.service.score_files.columns.understood_table import UnderstoodTable
from assay.service.score_files.score_table import ScoreTable
from assay.service.score_files.shards import read_tables


def print_understood(understood: UnderstoodTable) -> None:
    """Print a line each: verifiers, what is left out and why, ids and labels."""
    print_notes(understood.sentences())


def print_notes(sentences: Iterable[str]) -> None:
    """Print a line each; warnings stand out."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for sentence in sentences:
        console.print(
            sentence, style="yellow" if sentence.startswith("warning") else "dim", markup=False
        )


def labelled_table(paths: Sequence[Path], column_map: ColumnMap | None) -> ScoreTable:
    """Return the labelled rows of files, folders and patterns; print what was understood."""
    table = read_tables(paths, True, TableReading(column_map=column_map or ColumnMap()))
    print_understood(table.understood)
    return table
