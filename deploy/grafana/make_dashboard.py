"""Writes the dashboard from the table below: python deploy/grafana/make_dashboard.py [--check]."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

OUT = Path(__file__).parent / "assay.json"
RATE = "[$__rate_interval]"


def quantile(share: float, metric: str, by: str = "") -> str:
    """Return the query of a histogram's quantile."""
    return (
        f"histogram_quantile({share}, sum by (le{', ' + by if by else ''})"
        f" (rate({metric}_bucket{RATE})))"
    )


#: Rows of panels: title, unit, and queries by legend.
ROWS: dict[str, list[tuple[str, str, dict[str, str]]]] = {
    "Requests": [
        ("Answers a second, by status", "reqps", {"{{status}}": f"sum by (status) (rate(assay_requests_total{RATE}))"}),
        ("Time of a ranking", "s", {
            name: quantile(share, 'assay_request_seconds').replace("_bucket[", '_bucket{path="/v1/rank"}[')
            for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
        }),
        ("Stages, p95", "s", {"{{stage}}": quantile(0.95, "assay_stage_seconds", "stage")}),
        ("Under way and waiting", "short", {"scored": "sum(assay_active_requests)", "waiting": "sum(assay_queued_requests)"}),
        ("Event loop held up, p99.9", "s", {"worst": quantile(0.999, "assay_loop_stall_seconds")}),
        ("Refused a second", "reqps", {
            "queue full": f"sum(rate(assay_refused_requests_total{RATE}))",
            "limit of {{key}}": f"sum by (key) (rate(assay_limited_requests_total{RATE}))",
        }),
    ],
    "Verifiers": [
        ("Scores a second", "ops", {"{{verifier}}": f"sum by (verifier) (rate(assay_scores_total{RATE}))"}),
        ("Share that failed", "percentunit", {
            "{{verifier}}": f'sum by (verifier) (rate(assay_scores_total{{status=~"error|timeout|truncated|no_score"}}{RATE}))'
            f" / sum by (verifier) (rate(assay_scores_total{RATE}))",
        }),
        ("Failures a second, by reason", "ops", {
            "{{verifier}}: {{reason}}": f"sum by (verifier, reason) (rate(assay_failures_total{RATE}))",
        }),
        ("Time of a call, p95", "s", {"{{verifier}}": quantile(0.95, "assay_call_seconds", "verifier")}),
        ("Share that was remembered", "percentunit", {
            "{{verifier}}": f"sum by (verifier) (rate(assay_cached_scores_total{RATE})) / (sum by (verifier)"
            f" (rate(assay_cached_scores_total{RATE})) + sum by (verifier) (rate(assay_scores_total{RATE})))",
        }),
        ("Places at servers, and taken", "short", {
            "{{verifier}}": "sum by (verifier) (assay_places)", "{{verifier}} taken": "sum by (verifier) (assay_places_taken)",
        }),
        ("Tokens a second", "short", {"{{verifier}} {{what}}": f"sum by (verifier, what) (rate(assay_tokens_total{RATE}))"}),
        ("Replies without a number of tokens, a second", "ops", {
            "{{verifier}}": f"sum by (verifier) (rate(assay_misread_usage_total{RATE}))",
        }),
    ],
    "Cost, quality and drift": [
        ("Cost a second", "short", {"{{task}}": f"sum by (task) (rate(assay_cost_total{RATE}))"}),
        ("P(the first is best)", "percentunit", {
            f"{{{{task}}}} p{round(100 * share)}": quantile(share, "assay_p_best", "task") for share in (0.1, 0.5)
        }),
        ("Drift", "short", {"{{task}} {{verifier}} {{measure}}": "max by (task, verifier, measure) (assay_drift)"}),
        ("Runs that please one verifier alone", "short", {
            "{{task}} {{verifier}}": "max by (task, verifier) (assay_over_optimised_runs)",
        }),
        ("Best of n: drawn and saved a second", "short", {
            "{{upstream}} drawn": f"sum by (upstream) (rate(assay_gateway_drawn_total{RATE}))",
            "{{upstream}} saved": f"sum by (upstream) (rate(assay_gateway_saved_total{RATE}))",
        }),
    ],
    "Cascade": [
        ("Queries a second, by the last tier asked", "reqps", {
            "{{task}} {{tier}}": f"sum by (task, tier) (rate(assay_cascade_queries_total{RATE}))",
        }),
        ("Candidates cut a second", "ops", {"{{task}}": f"sum by (task) (rate(assay_cascade_cut_total{RATE}))"}),
        ("Seconds of its servers a candidate", "s", {"{{verifier}}": "max by (verifier) (assay_candidate_seconds)"}),
        ("Loss and cost, estimated", "percentunit", {
            "{{task}} loss": "max by (task) (assay_cascade_loss)", "{{task}} cost": "max by (task) (assay_cascade_cost)",
        }),
    ],
    "Store": [
        ("Answers", "short", {"store": "min(assay_store_up)"}),
        ("Writes given up a second", "ops", {"{{what}}: {{why}}": f"sum by (what, why) (rate(assay_dropped_writes_total{RATE}))"}),
        ("Failed calls a second, by reason", "ops", {"{{reason}}": f"sum by (reason) (rate(assay_store_errors_total{RATE}))"}),
    ],
    "Metrics that should stay flat": [
        ("Failed steps of background loops, in an hour", "short", {
            "{{loop}}": "sum by (loop) (increase(assay_background_failures_total[1h]))",
        }),
        ("Failed steps after a request, in an hour", "short", {
            "{{step}}": "sum by (step) (increase(assay_bookkeeping_failures_total[1h]))",
        }),
        ("Damaged values set aside, in an hour", "short", {
            "{{what}}": "sum by (what) (increase(assay_damaged_values_total[1h]))",
        }),
    ],
}  # fmt: skip


def panel(
    number: int, title: str, unit: str, drawn: dict[str, str], x: int, y: int
) -> dict[str, Any]:
    """Return a panel of lines over time."""
    source = {"type": "prometheus", "uid": "${source}"}
    return {
        "id": number,
        "type": "timeseries",
        "title": title,
        "datasource": source,
        "gridPos": {"h": 8, "w": 8, "x": x, "y": y},
        "fieldConfig": {
            "defaults": {"unit": unit, "min": 0, "custom": {"fillOpacity": 10}},
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi"},
        },
        "targets": [
            {"refId": chr(65 + place), "expr": query, "legendFormat": legend, "datasource": source}
            for place, (legend, query) in enumerate(drawn.items())
        ],
    }


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    panels: list[dict[str, Any]] = []
    y = 0
    for row, listed in ROWS.items():
        panels.append(
            {
                "id": len(panels) + 1,
                "type": "row",
                "title": row,
                "gridPos": {"h": 1, "w": 24, "x": 0, "y": y},
                "panels": [],
            }
        )
        y += 1
        for place, (title, unit, drawn) in enumerate(listed):
            panels.append(
                panel(len(panels) + 1, title, unit, drawn, 8 * (place % 3), y + 8 * (place // 3))
            )
        y += 8 * -(-len(listed) // 3)
    source = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    return {
        "uid": "assay",
        "title": "Assay",
        "tags": ["assay"],
        "schemaVersion": 39,
        "refresh": "30s",
        "editable": True,
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [source]},
        "panels": panels,
    }


def main() -> None:
    """Write the dashboard; with --check, only print whether the file is up to date."""
    text = json.dumps(dashboard(), indent=1) + "\n"
    if "--check" in sys.argv:
        raise SystemExit(OUT.read_text(encoding="utf-8") != text)
    OUT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
