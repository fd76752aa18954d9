"""Copies and inverted verifiers, in words with the line for the configuration."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from assay.aggregation import LabelModel
from assay.aggregation.evaluation.measures import selection_by_query
from assay.aggregation.label_model.summaries.fit_summary import fit_report
from assay.aggregation.label_model.summaries.verifier_findings import (
    families_line,
    verifier_findings,
)
from assay.aggregation.statistics.queries import Queries
from tests.support.samples.six_verifiers import NAMES, six_verifiers


@pytest.mark.parametrize("seed", range(4))
def test_six_verifiers_without_stated_families(seed: int) -> None:
    """The copy and the inverted one are named, and selection is as good as with stated families."""
    data = six_verifiers(seed)

    model = LabelModel().fit(data.scores, data.query, verifier_names=NAMES)
    stated = LabelModel(families={"judge-mid": "mid", "judge-copy": "mid"}).fit(
        data.scores, data.query, verifier_names=NAMES
    )

    copy, inverted, *against = verifier_findings(model)
    assert copy == (
        "judge-copy repeats judge-mid (0.98 given the rest): one family, in which each counts 1/√2."
        " Add to the task in the configuration:"
        " families: {judge-mid: judge-mid, judge-copy: judge-mid}"
    )
    assert inverted.startswith("rm-inverted looks inverted: it runs against what the others agree")
    assert inverted.endswith("add to the verifier in the configuration: weight: 0")
    assert model.weights_.argmax() == 0
    assert model.weights_[5] == 0
    assert len(against) == (model.weights_ < 0).any()
    chosen, same, oracle = (
        selection_by_query(score, data.truth.astype(float), Queries.of(data.query)).mean()
        for score in (
            model.score_samples(data.scores, data.query),
            stated.score_samples(data.scores, data.query),
            data.truth.astype(float),
        )
    )
    assert chosen >= 0.77
    assert chosen == pytest.approx(same, abs=0.002)
    assert oracle - chosen < 0.055


def test_with_labels_the_finding_gives_the_measured_auc() -> None:
    """A hundred labels and the others say the same."""
    data = six_verifiers(0)
    labels = np.full(len(data.truth), np.nan)
    labels[::50] = data.truth[::50]

    model = LabelModel().fit(data.scores, data.query, labels, verifier_names=NAMES)

    report = fit_report(model)
    assert report["copies"][0]["family"] == "judge-mid"
    assert report["inverted"][0]["name"] == "rm-inverted"
    assert any(
        line.startswith("rm-inverted is inverted: on labelled candidates its AUC is 0.")
        for line in report["warnings"]
    )
    assert model.weights_[5] < 0


def test_without_labels_all_negative_weights_are_named() -> None:
    """Also those that are too weak to be called inverted; nobody has checked their sign."""
    data = six_verifiers(1)

    model = LabelModel().fit(data.scores, data.query, verifier_names=NAMES)

    assert [name for name, weight in zip(NAMES, model.weights_, strict=True) if weight < 0] == [
        "rm-noise"
    ]
    (sentence,) = (line for line in verifier_findings(model) if line.startswith("counted against"))
    assert f"that way: rm-noise ({model.weights_[4]:.2g}), in log-odds" in sentence
    assert sentence.endswith("add to the verifier in the configuration: weight: 0")
    assert sentence in fit_report(model)["warnings"]


def test_labels_turn_the_heaviest_first_and_count_the_rest() -> None:
    """Eight verifiers of the wrong sign: five names, and how many more."""
    data = six_verifiers(0, 300)
    random = np.random.default_rng(0)
    wrong = random.standard_normal((len(data.truth), 8)) - data.truth[:, None]
    names = [f"wrong-{place}" for place in range(8)]

    model = LabelModel().fit(wrong, data.query, data.truth.astype(float), verifier_names=names)

    (sentence,) = (line for line in verifier_findings(model) if line.startswith("counted against"))
    heaviest = names[int(model.weights_.argmin())]
    assert sentence.startswith(
        f"counted against the answers they favour, as the labels say: {heaviest} (-"
    )
    assert sentence.endswith(" and 3 more")


def test_the_line_is_yaml_for_any_names() -> None:
    """Names that YAML would read otherwise are quoted."""
    families = {"gpt:a": "gpt", "no": "1", "a b": "x, y", "plain-1": "v1.2/b", "ü": '"'}

    assert yaml.safe_load(families_line(families)) == {"families": families}


def test_nothing_to_say_is_no_sentence() -> None:
    """Independent verifiers of the right sign need no words."""
    data = six_verifiers(0, 300)

    model = LabelModel().fit(data.scores[:, [0, 1, 3]], data.query)

    assert verifier_findings(model) == []
