"""The figure of a cascade's savings."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import pytest

from assay.aggregation.cascade.curve import CASCADE, SUBSET, TOP_K, Curve, Point
from assay.service.cli.evaluation.cascade_plot import draw_cascade


def curve(default_price: float) -> Curve:
    """Return a curve of two settings a method."""
    points = [
        Point(
            setting=setting,
            cost=cost,
            selection=0.7,
            loss=0.01,
            loss_error=0.001,
            rounds=2.0,
            agree=0.9,
        )
        for setting, cost in ((0.1, 0.3), (0.01, 0.6))
    ]
    return Curve(
        queries=50,
        labels=0,
        full=0.71,
        default_price=default_price,
        tiers=[["a"], ["b"]],
        points={CASCADE: points, SUBSET: points[:1], TOP_K: points[:1]},
    )


@pytest.mark.parametrize("default_price", [0.01, 5.0])
def test_a_figure_is_drawn_into_a_new_folder(tmp_path: Path, default_price: float) -> None:
    """Named after the data; also where the default price was not tried."""
    path = draw_cascade(curve(default_price), "maths", tmp_path / "new" / "folder")

    assert path == tmp_path / "new" / "folder" / "maths_cascade.png"
    assert path.read_bytes().startswith(b"\x89PNG")


def test_the_style_of_other_figures_stays(tmp_path: Path) -> None:
    """Nothing of ours is left behind, and no figure stays open."""
    from matplotlib import pyplot

    before = dict(mpl.rcParams)
    draw_cascade(curve(0.01), "maths", tmp_path)

    changed = {name for name, value in before.items() if mpl.rcParams[name] != value}
    assert changed <= {"backend"}
    assert pyplot.get_fignums() == []
