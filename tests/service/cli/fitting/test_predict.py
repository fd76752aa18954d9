"""`assay predict`, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from assay.aggregation.label_model.saved.artifact import load_model
from tests.support.commands.in_process import SAMPLE, as_npz, problem, run, said

RANDOM = np.random.default_rng(0)


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


ODD_IDS = [2**63 + 10**17, 2**70, -5, "q-1", 1.5, True, "12345678-1234-5678-1234-567812345678", "é"]


def test_f08_ids_come_back_from_a_prediction(tmp_path: Path) -> None:
    """Of any size and type, with the candidate, its place and its text."""
    rows = [
        {"query_id": ODD_IDS[place], "candidate": f"c{n}", "index": n, "text": f"t{n}"}
        | {name: RANDOM.normal() for name in "abc"}
        for place in range(len(ODD_IDS))
        for n in range(4)
    ]
    data, out = tmp_path / "a.jsonl", tmp_path / "out.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))

    fitted = said("fit", data, "-o", tmp_path / "m.json")
    said("predict", tmp_path / "m.json", data, "-o", out)

    assert fitted["queries"] == len(ODD_IDS)
    written = [json.loads(line) for line in out.read_text().splitlines()]
    for name in ("query_id", "candidate", "index", "text"):
        assert [row[name] for row in written] == [row[name] for row in rows]
    assert [type(row["query_id"]) for row in written] == [type(row["query_id"]) for row in rows]


@pytest.mark.parametrize("ending", ["npz", "parquet"])
def test_f08_ids_of_several_types_are_told_as_text(tmp_path: Path, ending: str) -> None:
    """In forms with one type a column."""
    data = tmp_path / "a.jsonl"
    rows = [{"query_id": ODD_IDS[n % 8], **dict.fromkeys("abc", n * n % 7)} for n in range(32)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    said(
        "fit",
        as_npz(tmp_path / "m.npz", verifier_names=np.array([*"abcdef"])),
        "-o",
        tmp_path / "m",
    )

    predicted = said("predict", tmp_path / "m", data, "-o", tmp_path / f"out.{ending}")

    assert predicted["written_as_text"] == ["query_id"]


def test_a_prediction_takes_the_models_columns_alone(tmp_path: Path) -> None:
    """Of a wide table; others are left out with the reason, and names may be mapped."""
    rows = [
        {"qid": n // 4, "turn": n, "new": n % 3, **{name: RANDOM.normal() for name in "abc"}}
        for n in range(80)
    ]
    data, few = tmp_path / "a.jsonl", tmp_path / "few.csv"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    few.write_text("qid,b,judge\n1,0.5,1\n1,0.25,2\n")
    said("fit", data, "-o", tmp_path / "m", "--map", "query_id=qid,verifiers=a+b+c")

    wide = said("predict", tmp_path / "m", data, "-o", tmp_path / "o.csv", "--map", "query_id=qid")
    mapped = said(
        "predict",
        tmp_path / "m",
        few,
        "-o",
        tmp_path / "o.npz",
        "--map",
        "query_id=qid,a=judge,b=b",
    )

    assert wide["understood"]["left_out"]["new"] == "not a verifier of the model"
    assert wide["understood"]["verifiers"] == ["a", "b", "c"]
    assert mapped["missing_verifiers"] == ["c"]
    assert (tmp_path / "o.csv").read_text().startswith('"query_id","probability","score"')
