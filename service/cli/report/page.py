"""A report as one page that needs nothing beside it: tables, and figures as vector graphics."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from assay.service.cli.evaluation.plots import STYLE
from assay.service.cli.report.command import NOT_SERVED, summary
from assay.service.cli.report.plots import FIGURES

#: A browser that opens the page loads nothing and runs nothing.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
CSS = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2733; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid #d9dee3 }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left }
tr.alarm td:first-child { color: #c0392b; font-weight: 600 }
figure { margin: 1rem 0 } figure svg { max-width: 100%; height: auto } figcaption, .note { color: #7b8794 }
"""


def page(found: dict[str, Any], versions: Sequence[dict[str, Any]]) -> str:
    """Return a report, and the versions of the task's model, as HTML."""
    title = f"{found['task']}: {found['model_version'] or NOT_SERVED}"
    at = datetime.fromtimestamp(found["at"], UTC).strftime("%Y-%m-%d %H:%M UTC")
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="note">{at}</p>',
        *(f"<p>{escape(line)}</p>" for line in summary(found)),
    ]
    parts += ["<h2>Verifiers</h2>", _verifiers(found)]
    for heading, note, figure in _drawn(found):
        parts.append(
            f"<h2>{escape(heading)}</h2><figure>{figure}<figcaption>{escape(note)}</figcaption></figure>"
        )
    parts += ["<h2>Versions</h2>", _versions(versions)]
    head = (
        '<meta charset="utf-8"><meta http-equiv="Content-Security-Policy"'
        f' content="{POLICY}"><title>{escape(title)}</title>'
    )
    return (
        "<!doctype html><html"
        f' lang="en"><head>{head}<style>{CSS}</style></head><body>{"".join(parts)}</body></html>\n'
    )


def _drawn(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return a heading, a note and a drawing for each figure that there is something to draw
    for.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    drawn = []
    with pyplot.rc_context(
        {**STYLE, "svg.fonttype": "none", "svg.hashsalt": "assay", "font.family": "sans-serif"}
    ):
        for heading, note, draw in FIGURES:
            figure = draw(pyplot, found)
            if figure is None:
                continue
            out = io.StringIO()
            figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
            pyplot.close(figure)
            drawn.append((heading, note, out.getvalue()[out.getvalue().index("<svg") :]))
    return drawn


def _verifiers(found: dict[str, Any]) -> str:
    rows = []
    for each in sorted(found["verifiers"], key=lambda each: -(each["loss_without"] or 0)):
        drift = (found.get("drift") or {}).get(each["name"]) or {}
        measured = each["measured_auc"]
        cells = [
            each["name"], each["family"], f"{each['weight']:+.2f}", f"{each['coverage']:.0%}", _number(each["estimated_auc"]),
            "" if measured is None else f"{_number(measured['value'])} ({_number(measured['low'])} to {_number(measured['high'])})",
            f"{each['cost_share']:.0%}", "" if each["loss_without"] is None else f"{100 * each['loss_without']:.2f}",
            _number(drift.get("psi")), each["dropped"] or "",
        ]  # fmt: skip
        mark = ' class="alarm"' if drift.get("alarm") else ""
        rows.append(f"<tr{mark}>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>")
    titles = (
        "verifier",
        "family",
        "weight",
        "coverage",
        "expected AUC",
        "AUC of labels",
        "cost",
        "points lost without",
        "drift (PSI)",
        "left out",
    )
    return _in_table(titles, rows)


def _versions(versions: Sequence[dict[str, Any]]) -> str:
    rows = []
    for each in reversed(versions):
        at = datetime.fromtimestamp(each["at"], UTC).strftime("%Y-%m-%d %H:%M")
        checks = ", ".join(
            f"{'better' if check['passed'] else 'worse'} than {check['against']}"
            for check in each["checks"]
        )
        cells = [
            str(each["version"]),
            "served" if each["serving"] else "",
            at,
            str(each["labels"]),
            f"{each['rows']:,}",
            checks,
        ]
        rows.append(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>")
    return (
        _in_table(("version", "", "fitted (UTC)", "labels", "candidates", "checks"), rows)
        if rows
        else "<p>none yet</p>"
    )


def _in_table(titles: Sequence[str], rows: Sequence[str]) -> str:
    return f"<table><tr>{''.join(f'<th>{escape(title)}</th>' for title in titles)}</tr>{''.join(rows)}</table>"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
