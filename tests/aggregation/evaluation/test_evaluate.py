"""The evaluation of every method on labelled queries."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import expit

from assay.aggregation.evaluation.evaluate import evaluate
from tests.support.samples.ensembles import named, small

#: selection@1, AUC, Brier, slope and bias of `small()` with their intervals, by 633ca72.
BEFORE: dict[str, dict[str, tuple[float, float, float]]] = {
    "first sample": {
        "selection": (0.45, 0.3203992003107937, 0.5796007996892063),
    },
    "mean of min–max": {
        "selection": (0.75, 0.6371969829005951, 0.8628030170994049),
        "auc": (0.9234049532556995, 0.886140145222942, 0.9606697612884569),
        "brier": (0.14611956121893913, 0.13357190027036586, 0.1586672221675124),
        "slope": (3.282282986991089, 2.6424488600391465, 3.922117113943031),
        "bias": (0.05783774883431358, -0.01189972596843742, 0.12757522363706458),
    },
    "best single verifier": {
        "selection": (0.6222222222222222, 0.4991963215481293, 0.7452481228963151),
        "auc": (0.7379341050756901, 0.6704854577100317, 0.8053827524413486),
    },
    "Assay, 25 labels": {
        "selection": (0.7666666666666667, 0.6564843846375422, 0.8768489486957912),
        "auc": (0.9687551254715434, 0.9513807740902849, 0.986129476852802),
        "brier": (0.1130762233493803, 0.08971819697438285, 0.13643424972437776),
        "slope": (3.0299105716429127, 2.369635636868508, 3.6901855064173175),
        "bias": (-0.012615286892673303, -0.08426867859322786, 0.059038104807881256),
    },
    "Assay, all labels": {
        "selection": (0.7666666666666667, 0.6564843846375422, 0.8768489486957912),
        "auc": (0.9740856158766606, 0.9553203207918689, 0.9928509109614524),
        "brier": (0.05936467819011445, 0.042871197034596464, 0.07585815934563243),
        "slope": (1.3323397613891992, 1.05563034675452, 1.6090491760238783),
        "bias": (-0.0003020944647374019, -0.03028009458791279, 0.029675905658437987),
    },
    "supervised, all labels": {
        "selection": (0.75, 0.6371969829005951, 0.8628030170994049),
        "auc": (0.9721174348040019, 0.9530615575117806, 0.9911733120962233),
        "brier": (0.06125706126240564, 0.04371123142817071, 0.07880289109664057),
        "slope": (1.147650365703408, 0.9106115319436299, 1.3846891994631862),
        "bias": (-0.0008607900021118047, -0.030874352878230038, 0.02915277287400643),
    },
}
VERIFIERS_BEFORE = {
    "v0": (0.6885026737967914, 0.7054761904761905, 0.608611111111111),
    "v1": (0.8075710319772423, 0.8174913194444444, 0.6569444444444446),
    "v2": (0.7907941186551051, 0.7323809523809524, 0.5666666666666667),
    "v3": (0.8391176470588235, 0.8232539682539682, 0.65),
    "v4": (0.661771409964181, 0.6652380952380952, 0.5347222222222221),
    "v5": (0.7255891698662783, 0.7936111111111112, 0.6722222222222223),
}


@pytest.mark.parametrize(
    ("labels", "random", "message"),
    [
        ("few", None, "18 labels of 3 of 60 queries measure; to evaluate takes labels of 10"),
        ("one", None, "9 labels of 9 of 60 queries measure; to evaluate takes labels of 10"),
        ("wrong", None, "all 360 are wrong"),
        ("correct", None, "all 360 are correct"),
        ("none", None, "0 labels of 0 of 60 queries measure"),
        ("all", False, "none of 360 is of a candidate that was drawn at random"),
        ("single", None, "1 of 60 are correct, and without one fold of 5 all are alike"),
    ],
)
def test_too_few_labels_are_refused_with_their_numbers(
    labels: str, random: bool | None, message: str
) -> None:
    """And with what it takes."""
    sample = small()
    first = np.arange(360) % 6 == 0
    given_labels = {
        "few": np.where(sample.query_id < 3, sample.labels, -1),
        "one": np.where(first & (sample.query_id < 9), sample.labels, -1),
        "wrong": np.zeros(360),
        "correct": np.ones(360),
        "none": np.full(360, -1.0),
        "all": sample.labels,
        "single": np.where(first, np.arange(360) == 0, -1),
    }[labels]
    stated = None if random is None else np.full(360, random)

    with pytest.raises(ValueError, match=message):
        evaluate(sample.scores, sample.query_id, given_labels, sample.names, label_random=stated)


def test_an_evaluation_measures_every_method() -> None:
    """Ours beat a plain average where the truth is a shared factor; queries without labels teach
    and measure nothing.
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
        "random candidate",
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


def test_soft_labels_count_as_they_stand() -> None:
    """Nearer to 1/2 selects less in the mean; half of them unknown halves; none is rounded."""
    sample = small()
    measures = {}
    for share in (1.0, 0.8, 0.51):
        labels = np.where(sample.labels > 0.5, share, 1 - share)
        evaluation = evaluate(
            sample.scores, sample.query_id, labels, sample.names, budgets=(), draws=1
        )
        methods = {method.name: method for method in evaluation.methods}
        first, oracle, labelled = (
            methods[name] for name in ("first sample", "oracle", "Assay, all labels")
        )
        measures[share] = first.selection.value, oracle.selection.value
        assert evaluation.base_rate == pytest.approx(float(labels.mean()))
        assert evaluation.soft == (0 if share == 1.0 else len(labels))
        assert labelled.calibration_floor is not None
        assert np.isnan(labelled.calibration_floor) == (share < 1)
    for share in (0.8, 0.51):
        for soft, hard in zip(measures[share], measures[1.0], strict=True):
            assert soft == pytest.approx(1 - share + (2 * share - 1) * hard)


def test_labels_of_one_half_are_not_wrong() -> None:
    """Half of the candidates unsure: they count half; all of them: nothing to tell apart."""
    sample = small()
    unsure = np.where(np.arange(len(sample.labels)) % 2 == 0, 0.5, sample.labels)

    evaluation = evaluate(sample.scores, sample.query_id, unsure, sample.names, budgets=(), draws=1)

    first = {method.name: method for method in evaluation.methods}["first sample"]
    starts = np.unique(sample.query_id, return_index=True)[1]
    assert first.selection.value == pytest.approx(float(unsure[starts].mean()))
    assert evaluation.base_rate == pytest.approx(float(unsure.mean()))
    with pytest.raises(ValueError, match=r"all 360 are 0\.5: nothing to tell apart"):
        evaluate(sample.scores, sample.query_id, np.full(360, 0.5), sample.names)


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_the_best_single_verifier_is_measured_in_its_own_scale(seed: int) -> None:
    """Folds choose differently between a probability and a reward about 1000, which pooled had an
    AUC of 0.70 to 0.77; by fold it is theirs.
    """
    random = np.random.default_rng(seed)
    query, labels = np.repeat(np.arange(30), 4), (random.random(120) < 0.4).astype(float)
    prob = expit(1.9 * labels - 1 + random.normal(size=120))
    reward = 1000 + 100 * (1.75 * labels + random.normal(size=120))

    found = evaluate(np.column_stack([prob, reward]), query, labels, ["prob", "reward"], budgets=())

    by_name = {method.name: method for method in found.methods}
    alone = [verifier.auc for verifier in found.verifiers]
    best = by_name["best single verifier"].auc
    assert best is not None
    assert min(alone) - 0.03 <= best.value <= max(alone) + 0.03


def test_a_method_is_compared_with_simple_ways_on_the_same_queries() -> None:
    """By paired intervals, which are narrower than those of each alone; calibration has no ECE
    interval, but a floor.
    """
    sample = named("14")
    found = evaluate(
        sample.scores, sample.query_id, sample.labels, sample.names, budgets=(25,), draws=3
    )
    by_name = {method.name: method for method in found.methods}
    ours = by_name["Assay, all labels"]

    assert set(ours.ahead_of) == {
        "first sample",
        "random candidate",
        "mean of min–max",
        "best single verifier",
    }
    ahead = ours.ahead_of["first sample"]
    assert ahead.value == pytest.approx(
        ours.selection.value - by_name["first sample"].selection.value
    )
    assert ahead.low > 0
    assert "first sample" not in by_name["first sample"].ahead_of
    assert ours.slope is not None
    assert ours.bias is not None
    assert ours.slope.low < ours.slope.value < ours.slope.high
    assert -0.2 < ours.bias.value < 0.2
    assert ours.calibration_error is not None
    assert ours.calibration_floor is not None
    assert 0 < ours.calibration_floor < ours.calibration_error + 0.1
    assert by_name["mean of z-scores"].slope is None


def test_all_labels_give_the_numbers_of_before_partial_labels() -> None:
    """To ten digits: `evaluate` printed these when it took wholly labelled queries only."""
    sample = small()
    evaluation = evaluate(
        sample.scores, sample.query_id, sample.labels, sample.names, budgets=(25,), draws=2
    )
    methods = {method.name: method for method in evaluation.methods}

    for name, measures in BEFORE.items():
        for measure, interval in measures.items():
            now = getattr(methods[name], measure)
            assert (now.value, now.low, now.high) == pytest.approx(interval, rel=1e-10)
    verifiers = {verifier.name: verifier for verifier in evaluation.verifiers}
    for name, (area, within, selection) in VERIFIERS_BEFORE.items():
        verifier = verifiers[name]
        assert (verifier.auc, verifier.auc_within, verifier.selection) == pytest.approx(
            (area, within, selection), rel=1e-10
        )
        assert verifier.auc_interval.low < area < verifier.auc_interval.high


PARTIAL = {"one of six": 1, "two of six": 2, "four of six": 4}


@pytest.mark.parametrize("count", list(PARTIAL))
def test_partly_labelled_queries_measure_what_all_labels_would(count: str) -> None:
    """In the mean over draws of labels, for methods that do not learn from them."""
    sample = small(queries=150)
    random = np.random.default_rng(0)
    measures = ("selection", "auc")
    names = ("first sample", "mean of min–max", "Borda")

    def values(labels: npt.NDArray[np.float64]) -> list[float]:
        evaluation = evaluate(
            sample.scores, sample.query_id, labels, sample.names, budgets=(), draws=1, folds=2
        )
        methods = {method.name: method for method in evaluation.methods}
        brier = methods["mean of min–max"].brier
        assert brier is not None
        found_values = [
            getattr(methods[name], of).value
            for name in names
            for of in measures
            if getattr(methods[name], of) is not None
        ]
        return [
            *found_values,
            brier.value,
            evaluation.base_rate,
            methods["Borda"].ahead_of["random candidate"].value,
        ]

    partial = []
    for _ in range(8):
        labels = np.full(len(sample.labels), -1.0)
        for low in range(0, len(labels), 6):
            rows = low + random.permutation(6)[: PARTIAL[count]]
            labels[rows] = sample.labels[rows]
        partial.append(values(labels))

    whole = values(sample.labels.astype(float))
    errors = np.std(partial, axis=0, ddof=1) / 8**0.5
    assert (np.abs(np.mean(partial, axis=0) - whole) < 5 * errors).all()
    assert (errors < 0.05).all()


def test_only_random_labels_measure_and_all_teach() -> None:
    """Chosen labels that are all wrong change the models and not what measures them."""
    sample = small(queries=80)
    at_random = np.arange(480) % 6 == 2
    labels = np.where(at_random | (np.arange(480) % 6 == 0), sample.labels, -1)
    lying = np.where(at_random, labels, np.where(labels >= 0, 0, -1))

    evaluations = [
        evaluate(
            sample.scores,
            sample.query_id,
            some,
            sample.names,
            label_random=at_random,
            budgets=(),
            draws=1,
        )
        for some in (labels, lying, np.where(at_random, labels, -1))
    ]

    assert [item.labelled for item in evaluations] == [80, 80, 80]
    assert [item.not_random for item in evaluations] == [80, 80, 0]
    assert {item.base_rate for item in evaluations} == {float(sample.labels[at_random].mean())}
    scores = [item.probabilities["Assay, all labels"][0] for item in evaluations]
    assert not np.allclose(scores[0], scores[1])
    assert not np.allclose(scores[0], scores[2])


def test_the_oracle_takes_wholly_labelled_queries() -> None:
    """Ten of them; else the reason stands in its place."""
    sample = small(queries=40)
    mixed = np.where((sample.query_id < 12) | (np.arange(240) % 6 == 3), sample.labels, -1)
    partial = np.where((sample.query_id < 7) | (np.arange(240) % 6 == 3), sample.labels, -1)

    measured, absent = (
        evaluate(sample.scores, sample.query_id, labels, sample.names, budgets=(), draws=1)
        for labels in (mixed, partial)
    )

    oracle = {method.name: method for method in measured.methods}["oracle"]
    best = [sample.labels[sample.query_id == query].max() for query in range(12)]
    assert oracle.selection.value == pytest.approx(np.mean(best))
    assert measured.whole == 12
    assert "oracle" not in {method.name for method in absent.methods}
    assert absent.not_measured["oracle"].startswith("7 of 40 queries have all candidates labelled")


def test_the_majority_answer_is_measured_where_answers_are_known() -> None:
    """Ties at their expected value; a candidate without an answer is chosen last."""
    sample = small(queries=40)
    answers = np.tile([0, 1, 1, 2, -1, -1], 40)

    evaluation = evaluate(
        sample.scores,
        sample.query_id,
        sample.labels,
        sample.names,
        answers=answers,
        budgets=(),
        draws=1,
    )

    methods = {method.name: method for method in evaluation.methods}
    chosen = sample.labels[np.isin(np.arange(240) % 6, (1, 2))]
    assert methods["majority answer"].selection.value == pytest.approx(chosen.mean())
    ahead = methods["Assay, all labels"].ahead_of["majority answer"]
    assert ahead.value == pytest.approx(
        methods["Assay, all labels"].selection.value - chosen.mean()
    )
    assert "majority answer" not in evaluation.not_measured


def test_the_best_verifier_is_named() -> None:
    """By all labels, and by each fold's."""
    sample = small(queries=80)
    strong = sample.labels + 0.01 * sample.scores[:, 0]
    names = [*sample.names, "judge-strong"]
    partial = np.where(np.arange(480) % 6 == 1, sample.labels, -1)

    for labels in (sample.labels, partial):
        evaluation = evaluate(
            np.column_stack([sample.scores, strong]),
            sample.query_id,
            labels,
            names,
            budgets=(),
            draws=1,
        )
        assert evaluation.best == "judge-strong"
        assert evaluation.best_by_fold == ["judge-strong"] * 5


def test_labels_of_chosen_tops_are_noticed() -> None:
    """Random ones are not."""
    sample = small(queries=120)
    top = np.zeros(720, bool)
    continuous = np.nan_to_num(sample.scores[:, 2], nan=-9.0).reshape(120, 6)
    top[np.arange(0, 720, 6) + continuous.argmax(axis=1)] = True
    drawn_rows = np.zeros(720, bool)
    drawn_rows[np.arange(0, 720, 6) + np.random.default_rng(0).integers(0, 6, 120)] = True

    chosen, fair = (
        evaluate(
            sample.scores,
            sample.query_id,
            np.where(rows, sample.labels, -1),
            sample.names,
            budgets=(),
            draws=1,
        )
        for rows in (top, drawn_rows)
    )

    assert "labelled candidates score higher than the others" in chosen.warnings[0]
    assert fair.warnings == []


def test_a_number_of_labels_that_cannot_be_drawn_is_left_out_with_its_reason() -> None:
    """A class may be too rare for 25 labels, and the rest is measured."""
    sample = small(queries=200)
    labels = np.zeros(1200)
    labels[[0, 300]] = 1.0

    evaluation = evaluate(
        sample.scores, sample.query_id, labels, sample.names, budgets=(5, 100), draws=1, seed=1
    )

    names = {method.name for method in evaluation.methods}
    assert {"Assay, all labels", *evaluation.not_measured} <= names | set(evaluation.not_measured)
    for name in evaluation.not_measured:
        if name.startswith("Assay"):
            assert "draws of" in evaluation.not_measured[name]
