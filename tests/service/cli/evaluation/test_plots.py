"""The four figures of an evaluation."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from assay.aggregation.evaluation.evaluate import Evaluation, evaluate
from assay.service.cli.evaluation import plots
from assay.service.cli.evaluation.plots import draw
from tests.support.samples.ensembles import small


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    """Measure a small ensemble."""
    data = small(queries=40)
    return evaluate(
        data.scores, data.query_id, data.labels, data.names, budgets=(100,), folds=2, draws=1
    )


def test_four_figures_are_drawn_into_a_new_folder(evaluation: Evaluation, tmp_path: Path) -> None:
    """In the order in which one would look at them."""
    paths = draw(evaluation, "some$data", tmp_path / "new")

    assert paths == [
        tmp_path / "new" / f"{name}.png"
        for name in ("reliability", "labels", "verifiers", "correlations")
    ]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


def test_of_many_verifiers_the_best_and_the_worst_are_drawn(
    evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The title gives their number; a few are all drawn."""
    from matplotlib import pyplot

    monkeypatch.setattr(plots, "MOST_VERIFIERS", 4)
    few = plots._verifiers(pyplot, evaluation, "data")
    pyplot.close("all")

    assert len(few.axes[0].get_yticklabels()) == 4
    assert "(worst and best 2 of 6)" in few.axes[0].get_title()


def test_families_lie_side_by_side(evaluation: Evaluation) -> None:
    """Each verifier once, on both sides alike."""
    from matplotlib import pyplot

    figure = plots._correlations(pyplot, evaluation, "data")
    pyplot.close("all")
    rows, columns = (
        [label.get_text() for label in labels]
        for labels in (figure.axes[0].get_yticklabels(), figure.axes[0].get_xticklabels())
    )

    assert rows == columns
    assert sorted(rows) == sorted(evaluation.model.names_)
    families = [evaluation.model.families_[evaluation.model.names_.index(name)] for name in rows]
    assert len([1 for first, second in pairwise(families) if first != second]) == (
        len(set(families)) - 1
    )
