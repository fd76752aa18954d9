"""A report as one page that needs nothing beside it: tables, and figures as vector graphics."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from assay.service.cli.evaluation.plot_style import STYLE
from assay.service.cli.report.plots import FIGURES
from assay.service.cli.report.summary import NOT_SERVED, summary_lines
from assay.verifiers import printable

TEMPLATE = "page.html.jinja"


@dataclass(frozen=True, slots=True)
class VerifierRow:
    """A verifier's cells in the table; `alarm` where it drifts."""

    cells: Sequence[str]
    alarm: bool


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing between its heading and its note."""

    heading: str
    note: str
    drawing: str  # HTML, in which every text is escaped


def page(report: dict[str, Any], versions: Sequence[dict[str, Any]]) -> str:
    """Return a report, and the versions of the task's model, as HTML."""
    report, versions = _spelled_out(report), _spelled_out(versions)
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,  # names come from configurations and labellers
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    by_loss = sorted(report["verifiers"], key=lambda entry: -(entry["loss_without"] or 0))
    drift = report.get("drift") or {}
    return environment.get_template(TEMPLATE).render(
        title=f"{report['task']}: {report['model_version'] or NOT_SERVED}",
        made=f"{_minute(report['at'])} UTC",
        summary=summary_lines(report),
        verifiers=[_verifier_row(entry, drift.get(entry["name"]) or {}) for entry in by_loss],
        figures=_figures(report),
        versions=[_version_cells(version) for version in reversed(versions)],
    )


def _figures(report: dict[str, Any]) -> list[Figure]:
    """Return each figure that the report has numbers for."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figures = []
    with pyplot.rc_context(
        {**STYLE, "svg.fonttype": "none", "svg.hashsalt": "assay", "font.family": "sans-serif"}
    ):
        for heading, note, draw in FIGURES:
            figure = draw(pyplot, report)
            if figure is None:
                continue
            out = io.StringIO()
            figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
            pyplot.close(figure)
            svg = out.getvalue()
            # matplotlib escapes the texts that it draws
            figures.append(Figure(heading, note, svg[svg.index("<svg") :]))
    return figures


def _verifier_row(verifier: dict[str, Any], drift: dict[str, Any]) -> VerifierRow:
    measured, loss = verifier["measured_auc"], verifier["loss_without"]
    interval = measured and f"({_number(measured['low'])} to {_number(measured['high'])})"
    cells = (
        verifier["name"],
        verifier["family"],
        f"{verifier['weight']:+.2f}",
        f"{verifier['coverage']:.0%}",
        "" if measured is None else f"{_number(measured['value'])} {interval}",
        _number(verifier.get("agreement_with_model")),
        f"{verifier['cost_share']:.0%}",
        "" if loss is None else f"{100 * loss:.2f}",
        _number(drift.get("psi")),
        verifier["dropped"] or "",
    )
    return VerifierRow(cells, bool(drift.get("alarm")))


def _version_cells(version: dict[str, Any]) -> Sequence[str]:
    checks = (
        f"{'better' if check['passed'] else 'worse'} than {check['against']}"
        for check in version["checks"]
    )
    return (
        str(version["version"]),
        "served" if version["serving"] else "",
        _minute(version["at"]),
        str(version["labels"]),
        f"{version['rows']:,}",
        ", ".join(checks),
    )


def _minute(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _spelled_out(part: Any) -> Any:
    """Return a part of a report with control characters spelled out: HTML allows none."""
    if isinstance(part, str):
        return printable(part)
    if isinstance(part, dict):
        return {_spelled_out(key): _spelled_out(item) for key, item in part.items()}
    return [_spelled_out(item) for item in part] if isinstance(part, list | tuple) else part
