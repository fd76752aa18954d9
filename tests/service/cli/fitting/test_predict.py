"""`assay predict`, as a user runs it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from assay.aggregation.label_model.saved.artifact import load_model
from tests.support.commands.in_process import SAMPLE, as_npz, problem, run, said


def test_from_scores_to_probabilities(tmp_path: Path) -> None:
    """Row for row, with the query ids as they were; the score is the log-odds."""
    data = as_npz(
        tmp_path / "scores.npz", query_id=np.array([f"q{place}" for place in SAMPLE.query_id])
    )

    fit = said("fit", data, "-o", tmp_path / "m.json")
    predict = said("predict", tmp_path / "m.json", data, "-o", tmp_path / "out.npz")

    assert (fit["rows"], fit["queries"], fit["calibrated"], fit["labels"]["labels"]) == (
        480,
        80,
        False,
        0,
    )
    assert (predict["rows"], predict["without_score"]) == (480, 0)
    with np.load(tmp_path / "out.npz") as out:
        assert sorted(out.files) == ["probability", "query_id", "score"]
        assert out["query_id"].tolist() == [f"q{place}" for place in SAMPLE.query_id]
        assert np.isnan(out["probability"]).all()
        assert out["score"] == pytest.approx(
            load_model(tmp_path / "m.json").score_samples(SAMPLE.scores, SAMPLE.query_id)
        )


def test_a_stated_base_rate_makes_scores_probabilities(tmp_path: Path) -> None:
    """Without one, or labels, they only order, and the command warns of it."""
    data = as_npz(tmp_path / "scores.npz")
    run("fit", data, "-o", tmp_path / "stated.json", "--base-rate", "0.3")
    run("fit", data, "-o", tmp_path / "m.json")

    stated = run("predict", tmp_path / "stated.json", data, "-o", tmp_path / "stated.npz")
    silent = run("predict", tmp_path / "m.json", data, "-o", tmp_path / "out.npz")

    with np.load(tmp_path / "stated.npz") as out:
        assert out["probability"] == pytest.approx(expit(out["score"]))
    assert "no probabilities" in silent.output
    assert "no probabilities" not in stated.output


def test_prediction_goes_by_name(tmp_path: Path) -> None:
    """A verifier that is not in the file is a missing score; one that the model does not know is
    refused.
    """
    said("fit", as_npz(tmp_path / "a.npz"), "-o", tmp_path / "m.json")
    fewer = as_npz(
        tmp_path / "b.npz",
        scores=SAMPLE.scores[:, [4, 1]],
        verifier_names=np.array([SAMPLE.names[4], SAMPLE.names[1]]),
    )
    more = as_npz(tmp_path / "c.npz", verifier_names=np.array([*SAMPLE.names[:5], "new"]))

    predict = said("predict", tmp_path / "m.json", fewer, "-o", tmp_path / "out.npz")

    assert predict["missing_verifiers"] == sorted(
        set(SAMPLE.names) - {SAMPLE.names[4], SAMPLE.names[1]}
    )
    assert "does not know 'new'" in problem(
        "predict", tmp_path / "m.json", more, "-o", tmp_path / "out.npz"
    )


def test_scores_too_large_to_count_are_told(tmp_path: Path) -> None:
    """By the fit and by the prediction."""
    scores = SAMPLE.scores.astype(float)
    scores[:2, 4] = 1e308
    data = as_npz(tmp_path / "a.npz", scores=scores)

    fit = said("fit", data, "-o", tmp_path / "m.json")
    predict = said("predict", tmp_path / "m.json", data, "-o", tmp_path / "out.npz")
    shown = run("predict", tmp_path / "m.json", data, "-o", tmp_path / "out.npz")

    assert any("2 scores beyond 1e150 in size" in warning for warning in fit["warnings"])
    assert predict["too_large"] == 2
    assert "counted as missing: 2 scores beyond 1e150 in size or infinite" in shown.output


@pytest.mark.parametrize(("place", "factor"), [(4, 100), (5, 1000)])
def test_scores_of_another_unit_are_told(tmp_path: Path, place: int, factor: float) -> None:
    """With the verifier and the share; the data of the fit are not."""
    data = as_npz(tmp_path / "a.npz")
    said("fit", data, "-o", tmp_path / "m.json")
    scores = SAMPLE.scores.astype(float)
    scores[:, place] *= factor
    other = as_npz(tmp_path / "b.npz", scores=scores)

    same = said("predict", tmp_path / "m.json", data, "-o", tmp_path / "out.npz")
    (unlike,) = said("predict", tmp_path / "m.json", other, "-o", tmp_path / "out.npz")[
        "unlike_the_fit"
    ]
    shown = run("predict", tmp_path / "m.json", other, "-o", tmp_path / "out.npz").output

    assert same["unlike_the_fit"] == []
    assert unlike["name"] == SAMPLE.names[place]
    assert f"{unlike['name']}: {unlike['outside']:.0%} of its scores lie outside" in shown
