"""Prints what was understood of score files, on stderr: nothing is guessed silently."""

from __future__ import annotations

from assay.service.cli.console import Console
from assay.service.score_files.columns.understood_table import UnderstoodTable


def print_understood(understood: UnderstoodTable) -> None:
    """Print a line each: verifiers, what is left out and why, ids and labels."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for sentence in understood.sentences():
        console.print(sentence, style="dim")
