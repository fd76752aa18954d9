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
