"""A model through a file and back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from assay.aggregation.label_model.saved.artifact import (
    ArtifactError,
    load_model,
    save,
    to_dict,
    version_of,
)
from assay.aggregation.label_model.summaries.fit_summary import fit_report
from tests.support.samples.ensembles import fit, fitted, small


@pytest.mark.parametrize("told", [False, True])
def test_through_a_file_and_back_nothing_changes(tmp_path: Path, told: bool) -> None:
    """To the last bit: scores, contributions, report, version."""
    sample = small()
    model = fit(
        sample.scores, sample.query_id, sample.labels if told else None, verifier_names=sample.names
    )
    save(model, tmp_path / "model.json")

    again = load_model(tmp_path / "model.json")

    for what in ("score_samples", "contributions"):
        one, other = (
            getattr(each, what)(sample.scores, sample.query_id) for each in (model, again)
        )
        assert np.array_equal(one, other, equal_nan=True)
    assert fit_report(again) == fit_report(model)
    assert version_of(again) == version_of(model)
    assert again.calibrated_ is told
    assert [path.name for path in tmp_path.iterdir()] == ["model.json"]


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    """The error names the file for every kind of damage."""
    sample = small()
    whole = json.dumps(to_dict(fitted(sample)))
    path = tmp_path / "m.json"
    for text, message in (
        (whole[: len(whole) // 2], "not JSON"),
        ("[]", "not a label model"),
        (json.dumps({**json.loads(whole), "format": 9}), "of format 9"),
        (whole.replace('"base_rate": 0.', '"base_rate": 0.1', 1), "checksum"),
    ):
        path.write_text(text)
        with pytest.raises(ArtifactError, match=f"m.json.*{message}"):
            load_model(path)
    with pytest.raises(ArtifactError, match="cannot be read"):
        load_model(tmp_path / "none.json")
