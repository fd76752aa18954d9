"""The common parts of all figures: their colours, their style, and the library."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from assay.aggregation.whole_file import save_file
from assay.service.domain.errors import StartupError

INK, GREY, FAINT = "#1d2733", "#7b8794", "#d9dee3"
OURS, WARM, COOL, GREEN = "#0b6bcb", "#e07b00", "#4f9da6", "#3c8c40"
STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "figure.dpi": 150,
    "font.size": 10,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "legend.edgecolor": "none",
    "legend.framealpha": 0.92,
    "savefig.bbox": "tight",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
}


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure in the format of the file's ending."""
    image = io.BytesIO()
    figure.savefig(image, format=path.suffix.removeprefix("."))
    save_file(path, image.getvalue())


def check_plots(option: str = "--plot") -> None:
    """Raise `StartupError` where matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise StartupError(
            f"{option} needs matplotlib: pip install matplotlib (the extra `plot` has it)"
        ) from None
