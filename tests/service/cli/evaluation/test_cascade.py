"""`assay evaluate --cascade`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from assay.aggregation.cascade.tiers import Calls
from tests.support.commands.in_process import problem, run, said
from tests.support.samples.ensembles import small


def test_the_command_draws_the_curve(tmp_path: Path) -> None:
    """Costs from a file, by verifier or data set; the price for a loss; errors have messages."""
    data = small(5, queries=120)
    np.savez(
        tmp_path / "s.npz",
        scores=data.scores,
        query_id=data.query_id,
        labels=data.labels,
        verifier_names=np.array(data.names),
    )
    costs: dict[str, Any] = {
        name: {"call": name, "cost": 2.0**place} for place, name in enumerate(data.names)
    }
    (tmp_path / "costs.json").write_text(json.dumps({"s": costs}))
    options = (
        "evaluate",
        tmp_path / "s.npz",
        "--cascade",
        "--costs",
        tmp_path / "costs.json",
        "--labels",
        "40",
        "--draws",
        "1",
        "--loss",
        "5",
    )
    told = said(*options, "--plot", tmp_path)
    shown = run(*options).output
    alike = said("evaluate", tmp_path / "s.npz", "--cascade", "--labels", "0")
    (tmp_path / "wrong.json").write_text(json.dumps({"v": 1}))

    assert Calls.of([each["cost"] for each in costs.values()]).total == 63
    assert told["price"]["loss"] <= 0.05
    assert Path(told["figures"][0]).stat().st_size > 10_000
    assert "price:" in shown
    assert alike["labels"] == 0
    assert "must be a cost" in problem(
        "evaluate", tmp_path / "s.npz", "--cascade", "--costs", tmp_path / "wrong.json"
    )
