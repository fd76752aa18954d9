"""The methods beside ours: without a label model, and label models of votes."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from assay.aggregation import ORIGINAL_HYPERPARAMETERS
from assay.aggregation.averages.baselines import BASELINES
from assay.aggregation.matrix import Floats
from tests.benchmarks.label_models.tables import Row, console, label_free, per_set, timed
from tests.benchmarks.label_models.votes import flying_squid, votes_of, weaver_without_labels
from tests.benchmarks.protocol import DataSet, Result


def robust_average(data: DataSet) -> Floats:
    """Return the published robust average, the label-free score without any trust in the fit."""
    model = data.model(ORIGINAL_HYPERPARAMETERS).fit(
        data.scores, data.codes, verifier_names=data.names
    )
    terms = replace(model.base_, fitted_share=0.0).terms(model.maps_.units(data.scores), None)
    return np.asarray(terms.sum(axis=1))


def _on_itself(fit: Any, data: Any) -> Any:
    """Return a baseline's scores of the data that set its ranges."""
    return fit(data.scores, data.scores, data.queries)


def references(sets: list[DataSet]) -> list[Row]:
    """Return the rows of the methods without a label model."""
    rows = [
        timed(
            name,
            label_free(partial(_on_itself, fit), probable),
            sets,
        )
        for name, (fit, probable) in BASELINES.items()
    ]
    best = [max(data.selection(column).mean() for column in data.scores.T) for data in sets]
    naive, reference = (
        np.array([values.mean() for values in (getattr(data, kind) for data in sets)])
        for kind in ("naive", "reference")
    )
    for name, selection in (
        ("best single verifier (chosen with all labels)", np.array(best)),
        ("supervised, all labels", reference),
    ):
        nothing = np.full(len(sets), np.nan)
        result = Result(selection, naive, reference, nothing, nothing, nothing)
        rows.append(
            {
                "method": name,
                "labels": 0,
                **result.summary(),
                "seconds": np.nan,
                "per_set": per_set(result, sets),
            }
        )
    return rows


def others(sets: list[DataSet], python: str | None, names: Sequence[str]) -> list[Row]:
    """Return the rows of label models that work on votes."""
    rows = [
        timed(
            "FlyingSquid-style triplets",
            label_free(lambda data: flying_squid(data.scores), True),
            sets,
        ),
        timed(
            "Weaver-style, no labels",
            label_free(lambda data: weaver_without_labels(data.scores), True),
            sets,
        ),
    ]
    if python is None:
        console.print(
            "[dim]without --peers PYTHON: Snorkel, Dawid–Skene, GLAD and MACE are left out[/dim]"
        )
        return rows
    found, times = run_peers(python, [votes_of(data.scores) for data in sets], names)
    for name in names:
        probabilities = {
            data.name: probability for data, probability in zip(sets, found[name], strict=True)
        }
        row = timed(name, label_free(lambda data, said=probabilities: said[data.name], True), sets)  # type: ignore[misc]
        rows.append({**row, "seconds": sum(times[name])})
    return rows


def run_peers(
    python: str, votes: list[Any], names: Sequence[str]
) -> tuple[dict[str, list[Floats]], dict[str, list[float]]]:
    """Return other packages' results from votes, and the seconds of each."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "votes.npz", Path(folder) / "found.npz"
        np.savez(source, **{f"votes_{place}": each for place, each in enumerate(votes)})
        subprocess.run(
            [python, "-m", "tests.benchmarks.label_models.peers", source, target, *names],
            check=True,
        )
        with np.load(target) as archive:
            found = {
                name: [archive[f"{name}_{place}"] for place in range(len(votes))] for name in names
            }
            return found, json.loads(str(archive["times"]))
