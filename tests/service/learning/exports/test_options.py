"""The conditions for a row to be written."""

from __future__ import annotations

import pytest

from assay.service.learning.exports.options import ExportFormat, ExportOptions


@pytest.mark.parametrize(
    ("how", "min_p", "probably_wrong", "least"),
    [
        ("dpo", 0.5, False, 0.5),
        ("dpo", 0.9, False, 0.9),
        ("dpo", 0.2, False, 0.5),
        ("sft", 0.0, False, 0.5),
        ("sft", 0.2, True, 0.2),
        ("reward", 0.0, False, 0.0),
    ],
)
def test_an_answer_below_a_half_needs_the_switch(
    how: ExportFormat, min_p: float, probably_wrong: bool, least: float
) -> None:
    """A low `min_p` alone does not ask for answers that are probably wrong."""
    options = ExportOptions(format=how, min_p=min_p, probably_wrong=probably_wrong)

    assert options.least_p == least
