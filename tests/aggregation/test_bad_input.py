"""Input that is odd or wrong: it is handled, or the message names what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.aggregation import LabelModel, NotFittedError, Shard
from assay.aggregation.evaluation.evaluate import evaluate
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
from tests.aggregation.data import fitted, named, small

NAN = np.nan


def fit(scores: Any, query_id: Any, labels: Any = None, **options: Any) -> LabelModel:
    """Fit a model."""
    return LabelModel().fit(scores, query_id, labels, **options)


def test_empty_constant_and_infinite_columns_are_left_out() -> None:
    """With a word in the report; the others count as if they were alone."""
    sample = small(verifiers=4)
    odd = np.column_stack(
        [
            sample.scores,
            np.full(len(sample.scores), NAN),
            np.full(len(sample.scores), 7.0),
            np.full(len(sample.scores), np.inf),
        ]
    )
    names = [*sample.names, "nothing", "constant", "infinite"]

    model = fit(odd, sample.query_id, verifier_names=names)
    alone = fit(sample.scores, sample.query_id, verifier_names=sample.names)

    assert model.dropped_ == {
        "nothing": "0 scores: it takes 10",
        "constant": "only one value",
        "infinite": "0 scores: it takes 10",
    }
    assert model.score_samples(odd, sample.query_id) == pytest.approx(
        alone.score_samples(sample.scores, sample.query_id), nan_ok=True
    )
    assert "nothing is left out: 0 scores: it takes 10" in report(model)["warnings"]


def test_a_row_without_a_score_has_none() -> None:
    """Not a low one; its contributions are unknown as well."""
    sample = small()
    scores = sample.scores.copy()
    scores[3] = NAN
    for labels in (None, sample.labels):
        model = fit(scores, sample.query_id, labels)
        said = model.score_samples(scores, sample.query_id)
        assert np.isnan(said).nonzero()[0].tolist() == [3]
        assert np.isnan(model.predict_proba(scores, sample.query_id)).nonzero()[0].tolist() == [3]


def test_one_verifier_is_its_own_order() -> None:
    """With labels and without."""
    sample = named("02")
    column = sample.scores[:, [int(sample.strength.argmax())]]
    keep = ~np.isnan(column[:, 0])
    for labels in (None, sample.labels[keep]):
        said = fit(column[keep], sample.query_id[keep], labels).score_samples(
            column[keep], sample.query_id[keep]
        )
        in_first = sample.query_id[keep] == 0
        assert (
            np.argsort(column[keep][in_first, 0], kind="stable").tolist()
            == np.argsort(np.round(said[in_first], 9), kind="stable").tolist()
        )


def test_one_candidate_a_query() -> None:
    """No query columns; the report says what that means."""
    sample = named("19")
    model = fit(
        sample.scores,
        sample.query_id,
        np.where(sample.query_id < 200, sample.labels, -1),
        verifier_names=sample.names,
    )

    assert not model.grouped_
    assert model.head_ is model.lone_head_
    assert any("about one candidate a query" in warning for warning in report(model)["warnings"])
    assert np.isfinite(model.score_samples(sample.scores, sample.query_id)).all()


@pytest.mark.parametrize("rows", [0, 1, 9])
def test_too_few_rows_are_not_fitted(rows: int) -> None:
    """It takes ten."""
    with pytest.raises(NotFittedError, match=f"{rows} rows: it takes 10"):
        fit(np.random.default_rng(0).random((rows, 2)), np.arange(rows))


def test_nothing_to_learn_from_is_not_fitted() -> None:
    """All columns constant."""
    with pytest.raises(NotFittedError, match="no verifier has 10 scores"):
        fit(np.ones((50, 2)), np.arange(50) // 5)


def test_any_layout_and_type_of_numbers() -> None:
    """float16, columns of another array, unsorted queries of strings, Python lists with None."""
    sample = small()
    plain = fit(sample.scores.astype(np.float16).astype(float), sample.query_id)
    wide = np.zeros((len(sample.scores), 12), np.float16)
    wide[:, ::2] = sample.scores
    mixed = np.random.default_rng(0).permutation(len(sample.scores))
    names = np.array([f"q{place}" for place in sample.query_id])
    listed = [
        [None if np.isnan(value) else float(value) for value in row]
        for row in sample.scores.astype(np.float16)
    ]

    strided = fit(wide[:, ::2], sample.query_id)
    shuffled = fit(np.asfortranarray(wide[mixed][:, ::2]), names[mixed])
    objects = fit(listed, sample.query_id)

    expected = plain.score_samples(wide[:, ::2], sample.query_id)
    for model in (strided, shuffled, objects):
        assert model.score_samples(wide[:, ::2], sample.query_id) == pytest.approx(
            expected, abs=1e-6, nan_ok=True
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scores": [1.0, 2.0]}, r"scores: must have the shape \(rows, verifiers\)"),
        ({"scores": [["a", 1.0]] * 20}, "scores: row 0, column 0: not a number: 'a'"),
        ({"query_id": [1, 2]}, "query_id: has 2 entries for 20 rows"),
        ({"labels": [1, 0]}, "labels: must be one a row"),
        ({"labels": [3] * 20}, "labels: row 0 has 3"),
        ({"verifier_names": ["a", "a"]}, "'a' names column 0 and column 1"),
        ({"verifier_names": ["a", ""]}, "column 1 has no name"),
        ({"verifier_names": ["a"]}, "2 columns, but 1 verifier names"),
        ({"label_random": [True]}, "label_random: must be one a row"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    """With the value that is wrong."""
    right: dict[str, Any] = {
        "scores": np.random.default_rng(0).random((20, 2)),
        "query_id": np.arange(20) // 4,
    }
    with pytest.raises(ValueError, match=message):
        fit(**{**right, **arguments})
    with pytest.raises(ValueError, match="base_rate"):
        LabelModel(base_rate=1.0)


def test_other_columns_than_fitted_are_refused() -> None:
    """With both counts."""
    sample = small()
    with pytest.raises(ValueError, match="5 columns, but the model has 6"):
        fitted(sample).score_samples(sample.scores[:, :5], sample.query_id)


def test_labels_that_were_not_random_are_told() -> None:
    """Half must be, for calibrated probabilities."""
    sample = small()
    model = fit(
        sample.scores,
        sample.query_id,
        sample.labels,
        label_random=np.arange(len(sample.labels)) % 3 == 0,
    )

    assert not model.calibrated_
    assert any("fewer than half" in warning for warning in report(model)["warnings"])


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


def test_a_model_goes_by_name() -> None:
    """Columns in another order, some missing; unknown ones are refused, or do not count."""
    sample = small()
    model = fit(sample.scores, sample.query_id, sample.labels, verifier_names=sample.names)
    order = [3, 0, 5]
    names = [sample.names[place] for place in order]
    holed = np.full_like(sample.scores, NAN)
    holed[:, order] = sample.scores[:, order]

    expected = model.score_samples(holed, sample.query_id)
    named_so = model.for_verifiers(names).score_samples(sample.scores[:, order], sample.query_id)
    with_new = model.for_verifiers([*names, "new"], strict=False)
    widened = np.column_stack([sample.scores[:, order], np.ones(len(holed))])

    assert named_so == pytest.approx(expected, abs=1e-12, nan_ok=True)
    assert with_new.score_samples(widened, sample.query_id) == pytest.approx(
        expected, abs=1e-12, nan_ok=True
    )
    assert (np.nan_to_num(with_new.contributions(widened, sample.query_id))[:, 3] == 0).all()
    with pytest.raises(ValueError, match="does not know 'new'"):
        model.for_verifiers([*names, "new"])
    with pytest.raises(ValueError, match="none of the model's verifiers"):
        model.for_verifiers(["new"], strict=False)


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


def test_evaluation_needs_labels_of_both_classes_and_enough_queries() -> None:
    """The message says how many there are."""
    sample = small()
    with pytest.raises(
        ValueError, match="3 queries have all candidates labelled; to evaluate takes 10"
    ):
        evaluate(
            sample.scores,
            sample.query_id,
            np.where(sample.query_id < 3, sample.labels, -1),
            sample.names,
        )
    with pytest.raises(ValueError, match="all 360 are wrong"):
        evaluate(sample.scores, sample.query_id, np.zeros(len(sample.labels)), sample.names)


def test_an_evaluation_measures_every_method() -> None:
    """Ours beat a plain average where the truth is a shared factor; queries not wholly labelled
    are left out.
    """
    sample = named("14")
    labels = np.where(sample.query_id == 0, -1, sample.labels)
    seen = []

    found = evaluate(
        sample.scores,
        sample.query_id,
        labels,
        sample.names,
        budgets=(25,),
        draws=2,
        progress=lambda *step: seen.append(step),
    )

    by_name = {method.name: method for method in found.methods}
    assert list(by_name) == [
        "first sample",
        "mean of z-scores",
        "mean of min–max",
        "Borda",
        "majority",
        "best single verifier",
        "Assay, no labels",
        "Assay, 25 labels",
        "Assay, all labels",
        "supervised, all labels",
        "oracle",
    ]
    assert (found.queries, found.left_out, len(found.verifiers)) == (49, 1, len(sample.names))
    assert (
        by_name["oracle"].selection.value
        >= by_name["Assay, all labels"].selection.value
        > by_name["first sample"].selection.value
    )
    assert by_name["Assay, all labels"].brier is not None
    assert by_name["Assay, all labels"].brier.value < 0.2
    assert by_name["mean of z-scores"].brier is None
    assert seen[-1][0] == seen[-1][1] == len(seen)


def test_shards_must_agree_on_columns() -> None:
    """The count is told."""
    sample = small()
    with pytest.raises(ValueError, match="6 columns, but 5 verifier names"):
        LabelModel().fit_shards([Shard.of(sample.scores, sample.query_id)], sample.names[:5])
