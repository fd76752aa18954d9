"""The print of an ensemble: other scores are another print."""

from __future__ import annotations

from dataclasses import replace

from assay.service.learning.runs.scoring_print import scoring_print
from tests.support.samples.replicas import COLUMNS, bare_task


def test_what_changes_scores_changes_the_print() -> None:
    """A verifier's settings always; weights only where the model is stated, not fitted."""
    task = bare_task()
    heavier = bare_task([replace(COLUMNS[0], weight=2.0), *COLUMNS[1:]])
    changed = bare_task([replace(COLUMNS[0], key="f" * 16), *COLUMNS[1:]])
    rated = bare_task(base_rate=0.2)
    fitted = replace(task.served, version=3)

    assert scoring_print(task, task.served) == scoring_print(bare_task(), None)
    assert scoring_print(task, None) not in {scoring_print(t, None) for t in (heavier, rated)}
    assert scoring_print(task, fitted) == scoring_print(heavier, fitted)
    assert scoring_print(task, fitted) == scoring_print(rated, fitted)
    assert scoring_print(task, fitted) != scoring_print(changed, fitted)
