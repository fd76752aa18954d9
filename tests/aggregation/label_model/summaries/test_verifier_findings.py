"""Copies and inverted verifiers, in words with the line for the configuration."""

from __future__ import annotations

from collections.abc import Sequence

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
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.queries import Ints, Queries
from tests.support.samples.six_verifiers import NAMES, six_verifiers


def _independent(strengths: Sequence[float]) -> tuple[Floats, Ints]:
    """Return scores of independent verifiers, and the query of each row."""
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 1200)
    own = random.standard_normal((1200, len(strengths)))
    return truth[:, None] * np.array(strengths, float) + own, np.arange(1200) // 4


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


@pytest.mark.parametrize("inverted", range(3))
def test_of_three_verifiers_the_inverted_one_is_named(inverted: int) -> None:
    """The one that runs against both others, which agree."""
    scores, query = _independent([-2.0 if place == inverted else 1.0 for place in range(3)])

    model = LabelModel().fit(scores, query, verifier_names=["a", "b", "c"])

    (sentence,) = verifier_findings(model)
    assert sentence.startswith(f"{'abc'[inverted]} looks inverted: it runs against what the others")
    assert "it counts nothing without labels" in sentence
    assert model.weights_[inverted] == 0


@pytest.mark.parametrize(
    ("strengths", "pairs"),
    [
        ((2, -2), ["a and b"]),
        ((1.5, 0, -1.5), ["a and c"]),
        ((2, 2, -2, -2), ["a and c", "a and d", "b and c", "b and d"]),
    ],
)
def test_where_it_cannot_be_known_who_is_inverted_the_finding_says_so(
    strengths: tuple[float, ...], pairs: list[str]
) -> None:
    """No majority: both count, and a person hears of it."""
    scores, query = _independent(strengths)

    model = LabelModel().fit(scores, query, verifier_names="abcd"[: len(strengths)])

    (sentence,) = verifier_findings(model)
    assert sentence.startswith("run against each other: ")
    assert all(f"{pair} (-0." in sentence for pair in pairs)
    assert sentence.count(" and ") == len(pairs)
    assert "without labels it cannot be known which, so both count as they are" in sentence
    assert sentence in fit_report(model)["warnings"]


def test_labels_end_the_question_who_is_inverted() -> None:
    """They measure both of the opponents."""
    scores, query = _independent((2, -2))
    labels = (scores[:, 0] - scores[:, 1] > 2).astype(float)

    model = LabelModel().fit(scores, query, labels, verifier_names=["a", "b"])

    assert not any(line.startswith("run against") for line in verifier_findings(model))
    assert [inversion.name for inversion in model.inverted_] == ["b"]


def test_many_opponents_are_counted() -> None:
    """Four against four: five pairs, and how many more."""
    scores, query = _independent((2, 2, 2, 2, -2, -2, -2, -2))

    (sentence,) = (
        line for line in verifier_findings(LabelModel().fit(scores, query)) if "each other" in line
    )

    assert " and 11 more pairs. One of each pair" in sentence


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
    """Nobody has checked their sign; a fit gives none to who does not follow the others."""
    data = six_verifiers(1)

    model = LabelModel().fit(data.scores, data.query, verifier_names=NAMES)

    assert (model.weights_ >= 0).all()
    model.weights_ = np.where(np.array(NAMES) == "rm-noise", -0.2, model.weights_)
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
