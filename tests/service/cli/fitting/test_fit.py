"""`assay fit`, `assay predict` and `assay evaluate`, as a user runs them."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from assay.aggregation.label_model.saved.artifact import from_dict, load_model, version_of
from tests.support.commands.in_process import SAMPLE, as_npz, problem, run, said
from tests.support.samples.six_verifiers import NAMES, six_verifiers


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


def test_labels_are_read_only_when_asked(tmp_path: Path) -> None:
    """A file whose labels are nonsense is fitted without them, and refused with them."""
    data = as_npz(tmp_path / "scores.npz", labels=np.full(480, 7))
    plain = as_npz(tmp_path / "plain.npz")

    assert (
        said("fit", data, "-o", tmp_path / "a.json")["version"]
        == said("fit", plain, "-o", tmp_path / "b.json")["version"]
    )
    assert "labels: row 0 has 7" in problem("fit", data, "-o", tmp_path / "c.json", "--labels")
    assert "has no `labels`" in problem("fit", plain, "-o", tmp_path / "c.json", "--labels")
    assert not (tmp_path / "c.json").exists()


def test_labels_calibrate(tmp_path: Path) -> None:
    """-1 is unknown; a file may mark the random labels, which alone set the base rate."""
    labels = np.where(SAMPLE.query_id < 20, SAMPLE.labels, -1)
    data = as_npz(tmp_path / "scores.npz", labels=labels, label_random=np.arange(480) % 4 == 0)

    fit = said("fit", data, "-o", tmp_path / "m.json", "--labels")

    assert (fit["labels"]["labels"], fit["labels"]["random"], fit["calibrated"]) == (120, 30, False)
    assert fit["base_rate"] == {
        "value": pytest.approx(SAMPLE.labels[:120:4].mean()),
        "from": "labels",
    }
    assert any("at random" in warning for warning in fit["warnings"])


def test_families_come_from_the_file_then_the_table_then_the_name(tmp_path: Path) -> None:
    """And an unknown verifier in the file is refused."""
    renamed = [f"f{place % 2}:{name}" for place, name in enumerate(SAMPLE.names)]
    plain = as_npz(tmp_path / "plain.npz", verifier_names=np.array(renamed))
    keyed = as_npz(
        tmp_path / "keyed.npz",
        verifier_names=np.array(renamed),
        verifier_family=np.array(["", "k", "k", "k", "k", "k"]),
    )
    (tmp_path / "families.json").write_text(json.dumps({renamed[1]: "mine"}))

    def families(*words: str | Path) -> list[str]:
        found = {
            each["name"]: each["family"]
            for each in said("fit", *words, "-o", tmp_path / "m.json")["verifiers"]
        }
        return [found[name] for name in renamed]

    assert families(plain) == ["f0", "f1", "f0", "f1", "f0", "f1"]
    assert families(keyed) == ["f0", "k", "k", "k", "k", "k"]
    assert families(keyed, "--families", tmp_path / "families.json") == [
        "f0",
        "mine",
        "k",
        "k",
        "k",
        "k",
    ]
    (tmp_path / "families.json").write_text('{"nobody": "x"}')
    assert "no verifier is called 'nobody'" in problem(
        "fit", plain, "-o", tmp_path / "m.json", "--families", tmp_path / "families.json"
    )
    (tmp_path / "families.json").write_text(json.dumps({renamed[0]: 3}))
    assert f"'{renamed[0]}' has 3" in problem(
        "fit", plain, "-o", tmp_path / "m.json", "--families", tmp_path / "families.json"
    )


@pytest.mark.parametrize("space", ["", " "])
def test_stated_qualities_stand_in_the_option_as_families_do(tmp_path: Path, space: str) -> None:
    """As JSON; a wrong one is named by the option, and not taken for a file that is missing."""
    plain, out = as_npz(tmp_path / "plain.npz"), tmp_path / "m.json"
    stated = space + json.dumps({SAMPLE.names[0]: "high", SAMPLE.names[3]: 0.5})

    fitted = said("fit", plain, "-o", out, "--quality", stated)

    assert fitted["quality_stated"] == [SAMPLE.names[0], SAMPLE.names[3]]
    assert "--quality: not JSON" in problem("fit", plain, "-o", out, "--quality", space + "{")
    assert "--quality: no verifier is called 'x'" in problem(
        "fit", plain, "-o", out, "--quality", space + '{"x": 0.8}'
    )


def test_stated_qualities_come_from_the_table_or_a_file(tmp_path: Path) -> None:
    """NaN is not stated."""
    quality = np.array([0.9, np.nan, np.nan, 0.5, np.nan, np.nan])
    keyed = as_npz(tmp_path / "keyed.npz", verifier_quality=quality)
    (tmp_path / "quality.json").write_text(
        json.dumps({SAMPLE.names[0]: "high", SAMPLE.names[3]: 0.5})
    )

    from_table = said("fit", keyed, "-o", tmp_path / "a.json")
    from_file = said(
        "fit",
        as_npz(tmp_path / "plain.npz"),
        "-o",
        tmp_path / "b.json",
        "--quality",
        tmp_path / "quality.json",
    )

    assert (
        from_table["quality_stated"]
        == from_file["quality_stated"]
        == [SAMPLE.names[0], SAMPLE.names[3]]
    )
    assert (
        load_model(tmp_path / "a.json").base_.average[3]
        == load_model(tmp_path / "b.json").base_.average[3]
        == 0
    )
    (tmp_path / "quality.json").write_text(json.dumps({SAMPLE.names[0]: "superb"}))
    assert "superb" in problem(
        "fit", keyed, "-o", tmp_path / "m.json", "--quality", tmp_path / "quality.json"
    )


def test_a_fit_may_borrow(tmp_path: Path) -> None:
    """From models of other tasks; one that cannot be read is named."""
    data = as_npz(tmp_path / "a.npz", labels=np.where(SAMPLE.query_id < 10, SAMPLE.labels, -1))
    said(
        "fit",
        as_npz(tmp_path / "b.npz", labels=SAMPLE.labels),
        "-o",
        tmp_path / "b.json",
        "--labels",
    )

    fit = said("fit", data, "-o", tmp_path / "a.json", "--labels", "--borrow", tmp_path / "b.json")

    assert sum(prior["share"] for prior in fit["priors"] if prior["loan"] > 0) > 0.5
    assert (
        "borrowed weights"
        in run(
            "fit", data, "-o", tmp_path / "a.json", "--labels", "--borrow", tmp_path / "b.json"
        ).stdout
    )
    assert "none.json: cannot be read" in problem(
        "fit", data, "-o", tmp_path / "a.json", "--borrow", tmp_path / "none.json"
    )


def test_several_files_are_one_data_set(tmp_path: Path) -> None:
    """In any order, with columns in any order; a query belongs in one of them."""
    whole = as_npz(tmp_path / "whole.npz", labels=SAMPLE.labels)
    names = []
    for part in range(4):
        rows, order = SAMPLE.query_id % 4 == part, np.roll(np.arange(6), part)
        names.append(
            as_npz(
                tmp_path / f"{part}.npz",
                scores=SAMPLE.scores[rows][:, order],
                query_id=SAMPLE.query_id[rows],
                verifier_names=np.array(SAMPLE.names)[order],
                labels=SAMPLE.labels[rows],
            )
        )

    said("fit", whole, "-o", tmp_path / "a.json", "--labels")
    said("fit", *names, "-o", tmp_path / "b.json", "--labels")

    one, other = (
        load_model(tmp_path / f"{name}.json").score_samples(SAMPLE.scores, SAMPLE.query_id)
        for name in "ab"
    )
    assert other == pytest.approx(one, abs=1e-8)
    assert "query 0 is in" in problem("fit", whole, names[0], "-o", tmp_path / "c.json")
    odd = as_npz(tmp_path / "odd.npz", verifier_names=np.array([*SAMPLE.names[:5], "other"]))
    assert "has other verifiers" in problem("fit", whole, odd, "-o", tmp_path / "c.json")


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


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A folder that is not there, an ending that is not known."""
    data = as_npz(tmp_path / "a.npz")
    assert "cannot be written" in problem("fit", data, "-o", tmp_path / "none" / "m.json")
    said("fit", data, "-o", tmp_path / "m.json")
    assert "must end in" in problem(
        "predict", tmp_path / "m.json", data, "-o", tmp_path / "out.csv"
    )
    assert "cannot be written" in problem(
        "predict", tmp_path / "m.json", data, "-o", tmp_path / "none" / "out.npz"
    )
    assert "cannot be read" in problem(
        "predict", tmp_path / "none.json", data, "-o", tmp_path / "out.npz"
    )


def test_a_folder_is_refused_before_the_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its own name, and not with that of the input."""
    data = as_npz(tmp_path / "a.npz")
    monkeypatch.chdir(tmp_path)

    for folder in (".", tmp_path):
        assert problem("fit", data, "-o", folder).startswith(f"{folder}: cannot be written: it is")


def test_a_model_is_written_where_a_link_leads(tmp_path: Path) -> None:
    """The link stays one, and the older model's permissions stay."""
    model, link = tmp_path / "m.json", tmp_path / "link.json"
    model.write_text("old")
    model.chmod(0o640)
    link.symlink_to(model)

    fit = said("fit", as_npz(tmp_path / "a.npz"), "-o", link)

    assert link.is_symlink()
    assert fit["version"] == version_of(load_model(model))
    assert stat.S_IMODE(model.stat().st_mode) == 0o640


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_a_model_goes_into_a_pipe(tmp_path: Path) -> None:
    """It stays a pipe, and its reader gets the whole model."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()

    fit = said("fit", as_npz(tmp_path / "a.npz"), "-o", pipe)
    reader.join(10)

    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert version_of(from_dict(json.loads(read[0]))) == fit["version"]


def test_the_report_reads_well(tmp_path: Path) -> None:
    """For people: the data of the fit, its trust, and each verifier."""
    labels = np.where(SAMPLE.query_id < 30, SAMPLE.labels, -1)
    result = run(
        "fit", as_npz(tmp_path / "a.npz", labels=labels), "-o", tmp_path / "m.json", "--labels"
    )

    for expected in (
        "480 rows of 80 queries",
        "180 labels"[:3],
        "calibrated",
        "cross-validated",
        *SAMPLE.names,
    ):
        assert expected in " ".join(result.stdout.split())


def test_no_input_is_written_over(tmp_path: Path) -> None:
    """A table, a model and a statement stay as they are, also in a folder and behind a link."""
    scores, model, link = tmp_path / "s.npz", tmp_path / "m.json", tmp_path / "link.npz"
    as_npz(scores)
    said("fit", str(scores), "-o", str(model), "--json")
    link.symlink_to(scores)
    before = scores.read_bytes(), model.read_bytes()

    for words in (
        ("fit", str(scores), "-o", str(link)),
        ("fit", str(tmp_path), "-o", str(scores)),
        ("fit", str(scores), "--borrow", str(model), "-o", str(model)),
        ("fit", str(scores), "--families", str(model), "-o", str(model)),
        ("predict", str(model), str(scores), "-o", str(link)),
        ("predict", str(model), str(scores), "-o", str(model)),
    ):
        assert "is the same file as the input" in problem(*words), words
    assert (scores.read_bytes(), model.read_bytes()) == before


def test_families_are_given_found_or_json(tmp_path: Path) -> None:
    """A copy joins its original unless families are given, or stated on the command line."""
    data = six_verifiers(0, 300)
    table = tmp_path / "six.npz"
    np.savez(table, scores=data.scores, query_id=data.query, verifier_names=NAMES)

    def fit(*words: str) -> dict[str, Any]:
        return dict(said("fit", table, "-o", tmp_path / "m.json", *words))

    def family(fit_report: dict[str, Any]) -> str:
        return str({row["name"]: row["family"] for row in fit_report["verifiers"]}["judge-copy"])

    found = fit()
    assert family(found) == family(fit("--families", "auto")) == "judge-mid"
    assert any(line.startswith("judge-copy repeats judge-mid") for line in found["warnings"])
    assert any(line.startswith("rm-inverted looks inverted") for line in found["warnings"])
    assert family(fit("--families", "given")) == "judge-copy"
    stated = fit("--families", '{"judge-copy": "x", "judge-mid": "y"}')
    assert (family(stated), stated["copies"]) == ("x", [])
    refused = problem("fit", table, "-o", tmp_path / "m.json", "--families", "{nobody")
    assert "--families: not JSON" in refused


def test_a_file_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    """By name, or as part of its folder; nothing is written."""
    data, out = as_npz(tmp_path / "scores.npz"), tmp_path / "m.json"

    assert "scores.npz: is given twice" in problem("fit", data, data, "-o", out)
    assert "scores.npz: is given twice" in problem("fit", tmp_path, data, "-o", out)
    assert not out.exists()
