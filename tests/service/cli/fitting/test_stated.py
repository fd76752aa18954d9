"""What a person states about a data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.aggregation.label_model.saved.artifact import load_model
from tests.support.commands.in_process import SAMPLE, as_npz, problem, said
from tests.support.samples.six_verifiers import NAMES, six_verifiers


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
