"""Which of a tool's metrics says whether an answer is right.

A metric that compares an answer with the right one is a label. It never becomes a verifier's
score: a fit would learn from it what it is later judged by.
"""

from __future__ import annotations

from collections.abc import Iterable

from assay.service.importers.importer import Wish
from assay.service.importers.tool_rows import ToolRow

#: Metrics that compare with a right answer, the most telling first.
LABEL_METRICS = (
    "exact_match",
    "acc",
    "accuracy",
    "extractive_match",
    "em",
    "qem",
    "pem",
    "pass@1",
    "pass_at_1",
    "math_verify",
    "is_correct",
    "correct",
    "prompt_level_strict_acc",
    "acc_norm",
    "f1",
)

OF_SEVERAL = "samples whose metric is of several answers together"


def label_metric(row: ToolRow, metrics: Iterable[str], wish: Wish) -> str | None:
    """Return the metric that is the label; None where none is.

    `--map label=NAME` names it; otherwise it is the first of `LABEL_METRICS`, or the only metric.
    """
    names = list(metrics)
    if "label" in wish.columns.columns:
        wanted = wish.columns.columns["label"]
        if wanted not in names:
            raise row.refusal(wanted, f"--map label names no metric; there are {', '.join(names)}")
        return _noted(wanted, names, wish)
    ranked = [name for name in LABEL_METRICS if name in names]
    # lighteval adds the version or the number of samples: `em:n=1`, `pass@1:8_samples`.
    ranked += [name for name in names if name.split(":")[0] in LABEL_METRICS]
    best = ranked[0] if ranked else names[0] if len(names) == 1 else None
    return None if best is None else _noted(best, names, wish)


def _noted(metric: str, names: list[str], wish: Wish) -> str:
    others = [name for name in names if name != metric]
    left_out = f"; left out: {', '.join(others)}" if others else ""
    wish.understood.setdefault("labels", f"{metric}{left_out}")
    return metric


def label_of(row: ToolRow, metric: str, wish: Wish) -> float | None:
    """Return a metric as a label; None, with the reason in `wish`, where it is no share of right
    answers. Raises `ToolRowError` for one outside 0 to 1 that `--map` names.
    """
    value = row.values.get(metric)
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    of_parts = isinstance(value, (list, tuple, dict))
    return checked_label(row, metric, None if of_parts else row.as_number(metric, value), wish)


def checked_label(row: ToolRow, metric: str, number: float | None, wish: Wish) -> float | None:
    """Return a number as a label, as `label_of` does."""
    if number is not None and 0 <= number <= 1:
        return number
    if number is None:
        wish.unlabelled[f"samples without a value of {metric}"] += 1
    elif "label" in wish.columns.columns:
        raise row.refusal(metric, "a label must be from 0 to 1", f"{number:g}")
    else:
        wish.unlabelled[f"samples whose {metric} is not from 0 to 1"] += 1
    return None
