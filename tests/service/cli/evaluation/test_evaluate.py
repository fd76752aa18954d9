"""`assay evaluate`."""

from __future__ import annotations

from pathlib import Path

from tests.support.commands.in_process import SAMPLE, as_npz, problem, run, said


def test_an_evaluation_is_printed_and_drawn(tmp_path: Path) -> None:
    """A row a method; four pictures."""
    data = as_npz(tmp_path / "some$data.npz", labels=SAMPLE.labels)

    found = said("evaluate", data, "--plot", tmp_path / "out", "--draws", "1")
    shown = run("evaluate", data, "--draws", "1").stdout

    assert [Path(path).name for path in found["figures"]] == [
        "reliability.png",
        "labels.png",
        "verifiers.png",
        "correlations.png",
    ]
    assert all(Path(path).read_bytes().startswith(b"\x89PNG") for path in found["figures"])
    for name in (
        "mean of z-scores",
        "Borda",
        "Assay, no labels",
        "Assay, 100 labels",
        "supervised, all labels",
        "oracle",
    ):
        assert name in shown
        assert name in {method["name"] for method in found["methods"]}
    for title in (
        "AUC by fold",
        "slope",
        "bias",
        "of true p",
        "− first sample",
        "− mean of min–max",
    ):
        assert title in shown
    assert "has no `labels`" in problem("evaluate", as_npz(tmp_path / "plain.npz"))


def test_soft_labels_are_counted(tmp_path: Path) -> None:
    """Those of 0 and 1 are not named, others are, and "of true p" is not known then."""
    hard = as_npz(tmp_path / "hard.npz", labels=SAMPLE.labels)
    soft = as_npz(tmp_path / "soft.npz", labels=0.1 + 0.8 * SAMPLE.labels)

    counts = [said("evaluate", data, "--draws", "1")["soft_labels"] for data in (hard, soft)]
    shown = " ".join(run("evaluate", soft, "--draws", "1").stdout.split())

    assert counts == [0, len(SAMPLE.labels)]
    assert f"{len(SAMPLE.labels)} labels between 0 and 1 count as they stand" in shown
    methods = said("evaluate", soft, "--draws", "1")["methods"]
    assert {method["calibration_floor"] for method in methods} == {None}
