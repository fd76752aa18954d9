"""`assay compare`: reads two systems and the labels, compares them, and prints the result."""

from __future__ import annotations

import json

from assay.service.cli.comparison.file_comparison import compared
from assay.service.cli.comparison.printing import comparison_data, print_comparison
from assay.service.cli.comparison.systems import ComparedFiles


def compare_files(files: ComparedFiles, as_json: bool) -> None:
    """Print which of two systems is better."""
    comparison = compared(files)
    if as_json:
        print(json.dumps(comparison_data(comparison)))  # noqa: T201 - the command's output
    else:
        print_comparison(comparison)
