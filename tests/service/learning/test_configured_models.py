"""A fitted label model in a running service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.label_model.saved.artifact import load_model, save, version_of
from assay.service.cli.config_check import check_config
from assay.service.config.problems import ConfigError
from assay.service.learning.configured_models import load_models
from assay.service.runtime.configuration import load_config
from tests.support.servers.processes import Server, service, write_config

NAMES = ("arithmetic", "consensus", "completeness")
QUERY = "What is 3 + 4? End with 'The answer is N.'"
CANDIDATES = [
    "3 + 4 = 7. The answer is 7.",
    "3 + 4 = 9. The answer is 9.",
    "I do not know.",
    "3 + 4 = 7. The answer is 7.",
]


def learned(labels: bool, names: tuple[str, ...] = NAMES) -> LabelModel:
    """Return a model of scores as these verifiers give them: shares between 0 and 1."""
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 600)
    scores = np.clip(
        0.5 + 0.3 * (truth[:, None] - 0.5) + 0.3 * random.normal(size=(600, len(names))), 0, 1
    )
    return LabelModel().fit(
        scores, np.repeat(np.arange(150), 4), truth if labels else None, verifier_names=names
    )


def config(model: str | None, **task: Any) -> dict[str, Any]:
    """Return a configuration whose task `math` uses a model."""
    return {
        "verifiers": [{"name": name, "kind": name} for name in (*NAMES, "relevance")],
        "ensembles": {
            "three": list(NAMES),
            "other": ["arithmetic", "relevance"],
            "strange": ["relevance"],
        },
        "tasks": {
            "math": {"ensemble": "three", **({} if model is None else {"model": model}), **task}
        },
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two models."""
    made = tmp_path_factory.mktemp("models")
    save(learned(True), made / "told.json")
    save(learned(False), made / "free.json")
    return made


@pytest.fixture(scope="module")
def assay(folder: Path) -> Iterator[Server]:
    """A service whose task has a calibrated model, named beside the configuration file."""
    with service(
        write_config(folder / "told.yaml", config("told.json")), folder / "told"
    ) as running:
        yield running


def rank(assay: Server, **more: Any) -> Any:
    """Return a ranking."""
    answer = assay.post(
        "/v1/rank",
        {"query": QUERY, "candidates": CANDIDATES, "task": "math", "explain": True, **more},
    )
    assert answer.status == 200, answer.raw
    return answer.json


def scores_of(said: Any) -> Any:
    """Return the raw scores of an answer, in the request's order."""
    by_place = sorted(said["results"], key=lambda result: result["index"])
    return np.array(
        [
            [np.nan if (raw := result["verifiers"][name]["raw"]) is None else raw for name in NAMES]
            for result in by_place
        ]
    )


def test_an_answer_is_what_the_model_says(assay: Server, folder: Path) -> None:
    """To the bit as from the file; contributions sum to the score up to a constant of the
    request.
    """
    said = rank(assay)
    model = load_model(folder / "told.json")
    scores = scores_of(said)

    expected = model.score_samples(scores, np.zeros(4))
    by_place = sorted(said["results"], key=lambda result: result["index"])
    rest = [
        result["score"]
        - sum(verifier["contribution"] or 0 for verifier in result["verifiers"].values())
        for result in by_place
    ]

    assert [result["score"] for result in by_place] == pytest.approx(expected.tolist(), abs=1e-12)
    assert [result["probability"] for result in by_place] == pytest.approx(
        model.predict_proba(scores, np.zeros(4)).tolist(), abs=1e-12
    )
    assert rest == pytest.approx([rest[0]] * 4)
    assert (said["calibrated"], said["cold"], said["model_version"]) == (
        True,
        False,
        f"math@{version_of(model)}",
    )


def test_a_calibrated_answer_says_how_sure_the_choice_is(assay: Server) -> None:
    """The chance that the top is best and that any is correct; the same text twice counts once."""
    said = rank(assay)
    probability = {result["index"]: result["probability"] for result in said["results"]}

    assert 0.25 < said["p_best"] <= 1
    assert said["p_any_correct"] == pytest.approx(
        1 - (1 - probability[0]) * (1 - probability[1]) * (1 - probability[2])
    )


def test_a_pair_is_read_alone(assay: Server, folder: Path) -> None:
    """By the head for lone candidates, beside any others in the request."""
    pairs = [{"query": QUERY, "candidate": text} for text in CANDIDATES[:2]]
    together = assay.post("/v1/score_pairs", {"pairs": pairs, "task": "math", "explain": True}).json
    alone = assay.post("/v1/score_pairs", {"pairs": pairs[:1], "task": "math"}).json

    raw = [
        [np.nan if (value := result["verifiers"][name]["raw"]) is None else value for name in NAMES]
        for result in together["results"]
    ]
    expected = load_model(folder / "told.json").score_samples(np.array(raw, float), np.arange(2))
    assert [result["score"] for result in together["results"]] == pytest.approx(
        expected.tolist(), abs=1e-12
    )
    assert alone["results"][0]["score"] == together["results"][0]["score"]
    assert "p_best" not in together


def test_through_another_ensemble_it_goes_by_name(assay: Server) -> None:
    """Unknown verifiers do not count, and the answer names them; where no known one scored, the
    average does.
    """
    other, strange = rank(assay, ensemble="other"), rank(assay, ensemble="strange")

    assert other["calibrated"]
    assert other["warnings"][0] == (
        "not in the task's label model, so their scores do not count: relevance"
    )
    assert [warning.split(":")[0] for warning in other["warnings"][1:]] == [
        "not_in_model",
        "nothing_judged",
    ]
    contributions = {
        (result["probability"] is None, result["verifiers"]["relevance"]["contribution"] == 0)
        for result in other["results"]
    }
    assert contributions == {(False, True), (True, False)}
    assert (strange["calibrated"], strange["cold"], strange["model_version"]) == (
        False,
        True,
        "math@0",
    )


def test_confidence_is_told_what_it_does(assay: Server) -> None:
    """Nothing yet."""
    assert "called at once" in rank(assay, confidence=0.9)["warnings"][0]


def test_without_labels_it_is_not_calibrated_and_a_base_rate_moves_it(folder: Path) -> None:
    """The task's base rate outranks the one of the fit."""
    path = write_config(folder / "free.yaml", config(str(folder / "free.json"), base_rate=0.9))
    with service(path, folder / "free") as running:
        said = rank(running)

    expected = (
        load_model(folder / "free.json")
        .with_base_rate(0.9)
        .predict_proba(scores_of(said), np.zeros(4))
    )
    assert (said["calibrated"], said["p_best"]) == (False, None)
    assert said["p_any_correct"] > 0.9
    assert sorted(result["probability"] for result in said["results"]) == pytest.approx(
        sorted(expected.tolist()), abs=1e-12
    )


def test_a_wrong_model_stops_the_start(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that is not there, one that is damaged, one that does not know a verifier of the
    ensemble; the check says it too.
    """
    save(learned(False, ("arithmetic", "consensus")), tmp_path / "two.json")
    (tmp_path / "cut.json").write_text((folder / "told.json").read_text()[:-20])
    for name, message in (
        ("none", "cannot be read"),
        ("cut", "damaged"),
        ("two", "does not know 'completeness'"),
    ):
        path = write_config(tmp_path / "c.yaml", config(f"{name}.json"))
        with pytest.raises(ConfigError, match=f"tasks.math.model: .*{name}.json.*{message}"):
            load_models(load_config(path))
        assert check_config(path, True, True) == 1
        assert message in json.loads(capsys.readouterr().out)["problems"][0]


def test_a_stated_quality_weighs_the_average_before_anything_is_learned(tmp_path: Path) -> None:
    """A verifier stated to be a coin contributes nothing; a wrong statement is named with its
    line.
    """
    told = config(None)
    told["verifiers"][0]["quality"], told["verifiers"][1]["quality"] = 0.5, "high"
    with service(write_config(tmp_path / "q.yaml", told), tmp_path / "run") as running:
        said = rank(running)
    told["verifiers"][0]["quality"] = 0.3

    assert {result["verifiers"]["arithmetic"]["contribution"] for result in said["results"]} <= {
        0,
        None,
    }
    with pytest.raises(ConfigError, match=r"verifiers\.0\.quality"):
        load_config(write_config(tmp_path / "q.yaml", told))
