"""The common parts of all figures."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from assay.service.cli.evaluation.plot_style import STYLE, check_plots, save_figure
from assay.service.domain.errors import StartupError
from tests.support.commands.in_process import SAMPLE, as_npz, problem


def test_without_matplotlib_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is computed."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "pip install matplotlib (the extra `plot` has it)" in problem(
        "evaluate", as_npz(tmp_path / "a.npz", labels=SAMPLE.labels), "--plot", tmp_path
    )


def test_the_style_is_one_that_matplotlib_takes() -> None:
    """A name that it does not know, or a value, would stop every figure."""
    assert mpl.RcParams(STYLE)


def test_a_figure_is_written_in_the_format_of_its_ending(tmp_path: Path) -> None:
    """Over the older one."""
    figure = Figure()
    for ending, beginning in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        path = tmp_path / f"f.{ending}"
        path.write_text("old")

        save_figure(figure, path)

        assert path.read_bytes().startswith(beginning)


def test_the_message_names_the_callers_option(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page and a folder of figures are different options; with matplotlib there is no message."""
    check_plots("--html")
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    with pytest.raises(StartupError, match=r"^--html needs matplotlib"):
        check_plots("--html")
