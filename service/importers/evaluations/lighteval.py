"""Details of lighteval: `details_TASK_DATE.parquet`.

Published form: huggingface/lighteval, `src/lighteval/logging/info_loggers.py` (`Detail`: `doc`,
`model_response`, `metric`; on the hub also `__doc__`, `__model_response__`, `__metric__`),
`tasks/requests.py` (`Doc`) and `models/model_output.py` (`ModelResponse`). Before version 0.11 a
detail was flat: `example`, `full_prompt`, `predictions`, `gold`, `choices`, `gold_index`,
`metrics`; before 0.8 its lists were written as texts.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from assay.service.importers.conversations import ask_mapped
from assay.service.importers.evaluations.metric_labels import OF_SEVERAL, label_metric, label_of
from assay.service.importers.gathering import Gathered, GatheredQuery, short_hash
from assay.service.importers.importer import RowShape, Wish
from assay.service.importers.tool_rows import ToolRow
from assay.service.row_files.reading import NumberedRow

_PARTS = ("doc", "model_response", "metric")
_FLAT = frozenset({"full_prompt", "predictions"})
#: A list that was written as a text is not looked at beyond these.
LONGEST_LITERAL, DEEPEST_LITERAL = 1 << 20, 8


@dataclass(frozen=True, slots=True)
class LightevalDetail:
    """What a detail holds, in either form."""

    query: str
    id: str
    key: str
    texts: list[str]
    likelihoods: list[float | None]
    choices: list[str]
    gold: list[int]
    metrics: ToolRow


@dataclass(frozen=True, slots=True)
class LightevalDetails:
    """Answers and metrics of a task's samples; a multiple choice has its options' likelihoods."""

    name: str = "lighteval"
    title: str = "lighteval details"
    shapes: tuple[RowShape, ...] = ("rankings", "scores", "labels")
    mapped: tuple[str, ...] = ("query", "label")

    def recognises(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row has the parts of a detail, or the columns of an older one."""
        return all(
            isinstance(row.get(f"__{part}__", row.get(part)), Mapping) for part in _PARTS
        ) or (row.keys() >= _FLAT and bool(row.keys() & {"gold_index", "metrics", "cont_tokens"}))

    def rows(self, rows: Iterable[ToolRow], wish: Wish) -> Iterator[NumberedRow]:
        """Yield rows; several models' files of one task become several candidates or scores."""
        gathered, lines = Gathered(), dict[tuple[str, str], int]()
        for row in rows:
            detail = _flat(row) if row.values.keys() >= _FLAT else _nested(row)
            if (line := lines.setdefault((detail.key, row.source), row.line)) != row.line:
                raise row.refusal("id", f"is on line {line} as well: keep one run", detail.id)
            query = gathered.query(detail.key, detail.id, row)
            _ask(query, row, detail, wish)
            if detail.texts:
                _enter_answers(query, row, detail, wish)
            elif detail.likelihoods:
                _enter_options(query, row, detail, wish)
            else:
                wish.skipped["samples without answers"] += 1
        return gathered.rows(wish)


def _nested(row: ToolRow) -> LightevalDetail:
    doc, response, metric = (
        row.below(f"__{part}__" if f"__{part}__" in row.values else part) for part in _PARTS
    )
    query = doc.text("query")
    name = doc.identity("id") if doc.values.get("id") not in (None, "") else short_hash(query)
    return LightevalDetail(
        query=query,
        id=name,
        key=f"{doc.text_or_none('task_name') or ''}|{name}|{short_hash(query)}",
        texts=response.texts("text") if response.has("text") else [],
        likelihoods=_likelihoods(response, "logprobs"),
        choices=doc.texts("choices") if doc.has("choices") else [],
        gold=_gold(doc),
        metrics=metric,
    )


def _flat(row: ToolRow) -> LightevalDetail:
    lists = ("predictions", "choices", "gold_index", "gold", "metrics")
    row = replace(row, values={**row.values, **{name: _literal(row, name) for name in lists}})
    query = row.text_or_none("full_prompt") or row.text("example")
    predictions = row.items("predictions")
    answers = all(isinstance(item, str) for item in predictions)
    return LightevalDetail(
        query=query,
        id=short_hash(query),
        key=query,
        texts=list(predictions) if answers else [],
        likelihoods=[] if answers else _likelihoods(row, "predictions"),
        choices=row.texts("choices" if row.values["choices"] else "gold")
        if row.values["choices"] or row.values["gold"]
        else [],
        gold=_gold(row),
        metrics=row.below("metrics") if row.has("metrics") else replace(row, values={}),
    )


def _literal(row: ToolRow, field: str) -> Any:
    """Return a field's value; a list or an object that was written as a text is read."""
    value = row.values.get(field)
    if not isinstance(value, str) or value[:1] not in "[{":
        return value
    if len(value) > LONGEST_LITERAL or value.count("[") + value.count("{") > len(value) // 2:
        raise row.refusal(field, "is too long or too deep a list")
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise row.refusal(
            field, "must be a list, also where it is written as a text", value
        ) from None


def _likelihoods(row: ToolRow, field: str) -> list[float | None]:
    """Return a number for each option; some versions add whether it is the likeliest text."""
    if not row.has(field):
        return []
    likelihoods = []
    for place, item in enumerate(row.items(field)):
        value = item[0] if isinstance(item, (list, tuple)) and item else item
        likelihoods.append(row.as_number(f"{field}.{place}", value))
    return likelihoods


def _gold(row: ToolRow) -> list[int]:
    value = row.values.get("gold_index")
    values = value if isinstance(value, (list, tuple)) else [] if value is None else [value]
    for item in values:
        if isinstance(item, bool) or not isinstance(item, int):
            raise row.refusal("gold_index", "must be whole numbers", value)
    return list(values)


def _ask(query: GatheredQuery, row: ToolRow, detail: LightevalDetail, wish: Wish) -> None:
    if "query" in wish.columns.columns:
        ask_mapped(query, row, wish)
    else:
        wish.understood.setdefault("query", "the prompt")
        query.query = detail.query


def _enter_answers(query: GatheredQuery, row: ToolRow, detail: LightevalDetail, wish: Wish) -> None:
    golds = [detail.choices[place] for place in detail.gold if 0 <= place < len(detail.choices)]
    query.reference = golds[0] if golds else None
    metric = label_metric(detail.metrics, detail.metrics.values, wish)
    if metric is not None and len(detail.texts) > 1:
        wish.unlabelled[OF_SEVERAL] += 1
    for place, text in enumerate(detail.texts):
        name = f"{row.source}:{place}" if row.source and len(detail.texts) > 1 else row.source
        candidate = query.candidate(name or str(place), row, text)
        # With several samples, the metric is of all of them together.
        if metric is not None and len(detail.texts) == 1:
            candidate.label = label_of(detail.metrics, metric, wish)


def _enter_options(query: GatheredQuery, row: ToolRow, detail: LightevalDetail, wish: Wish) -> None:
    if len(detail.likelihoods) != len(detail.choices):
        raise row.refusal(
            "choices", f"are {len(detail.choices)}, and the likelihoods {len(detail.likelihoods)}"
        )
    wish.understood.setdefault("labels", "gold_index (the right options)")
    verifier = f"{row.source}:loglikelihood" if row.source else "loglikelihood"
    golds = set(detail.gold) & set(range(len(detail.choices)))
    if not golds:
        wish.unlabelled["samples whose gold_index names no option"] += 1
    for place, text in enumerate(detail.choices):
        candidate = query.candidate(str(place), row, text)
        candidate.label = float(place in golds) if golds else None
        candidate.score(verifier, detail.likelihoods[place], row)
