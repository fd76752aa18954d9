"""A learned model as plain data, and back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from assay.aggregation.cascade.cascade import Cascade
from assay.aggregation.cascade.tiers import Calls
from assay.aggregation.label_model.saved.artifact import ArtifactError, checksum, from_dict, to_dict
from tests.support.samples.cascades import COSTS, cascade, model, query
from tests.support.samples.ensembles import fitted, small


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
    """To the last bit, also for other verifiers; the reader refuses an invalid covariance."""
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
