"""A model through a file and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.cascade.cascade import Cascade
from assay.aggregation.cascade.tiers import Calls
from assay.aggregation.label_model.artifact import (
    ArtifactError,
    checksum,
    from_dict,
    load,
    save,
    to_dict,
    version_of,
)
from assay.aggregation.label_model.fit_summary import report
from tests.support.cascades import COSTS, cascade, model, query
from tests.support.ensembles import fitted, small


def fit(scores: Any, query_id: Any, labels: Any = None, **options: Any) -> LabelModel:
    """Fit a model."""
    return LabelModel().fit(scores, query_id, labels, **options)


@pytest.mark.parametrize("told", [False, True])
def test_through_a_file_and_back_nothing_changes(tmp_path: Path, told: bool) -> None:
    """To the last bit: scores, contributions, report, version."""
    sample = small()
    model = fit(
        sample.scores, sample.query_id, sample.labels if told else None, verifier_names=sample.names
    )
    save(model, tmp_path / "model.json")

    again = load(tmp_path / "model.json")

    for what in ("score_samples", "contributions"):
        one, other = (
            getattr(each, what)(sample.scores, sample.query_id) for each in (model, again)
        )
        assert np.array_equal(one, other, equal_nan=True)
    assert report(again) == report(model)
    assert version_of(again) == version_of(model)
    assert again.calibrated_ is told
    assert [path.name for path in tmp_path.iterdir()] == ["model.json"]


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    """Whatever is wrong with it, naming the file."""
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
            load(path)
    with pytest.raises(ArtifactError, match="cannot be read"):
        load(tmp_path / "none.json")


@pytest.mark.parametrize(
    "key",
    [
        "verifiers",
        "base",
        "head",
        "trust",
        "fitted_on",
        "correlations",
        "base_rate",
        "check",
        "priors",
    ],
)
def test_a_file_that_lacks_something_is_refused(key: str) -> None:
    """Also where its checksum is right."""
    data = to_dict(fitted(small()))
    nothing: list[Any] = (
        [] if key in ("check", "priors") else [None, [], {}]
    )  # those two may be empty
    for value in [*nothing, "x", 3]:
        damaged = {**data, key: value}
        damaged["sha256"] = checksum(damaged)
        with pytest.raises(ArtifactError, match="damaged"):
            from_dict(damaged)


def test_a_models_file_keeps_its_covariances() -> None:
    """To the last bit, for other verifiers too; what is none is refused."""
    fitted = model(60)
    data = json.loads(json.dumps(to_dict(fitted)))
    again = from_dict(data)
    assert fitted.joint_ is not None
    assert again.joint_ is not None
    np.testing.assert_array_equal(again.joint_.covariance, fitted.joint_.covariance)
    np.testing.assert_array_equal(again.joint_.means, fitted.joint_.means)

    turned = again.for_verifiers([*reversed(fitted.names_)])
    other = Cascade.of(turned, Calls.of(COSTS[::-1]))
    assert other is not None
    scores = query(5)
    assert other.replay(scores[:, ::-1]).cost == pytest.approx(cascade(60).replay(scores).cost)
    data["joint"]["covariance"][0][0] = -1.0
    with pytest.raises(ArtifactError):
        from_dict({**data, "sha256": checksum(data)})
