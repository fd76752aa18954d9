"""Samples of lm-evaluation-harness: `samples_TASK_DATE.jsonl`.

Published form: EleutherAI/lm-evaluation-harness, `lm_eval/evaluator.py` (what a sample has) and
`lm_eval/loggers/evaluation_tracker.py` (how it is written: `arguments` as `gen_args_0.arg_0`, all
responses as texts). Files before version 0.4.3 have `arguments` as lists.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.service.importers.conversations import as_messages, ask_mapped, set_asked
from assay.service.importers.evaluations.metric_labels import OF_SEVERAL, label_metric, label_of
from assay.service.importers.gathering import Gathered, GatheredQuery, short_hash
from assay.service.importers.importer import RowShape, Wish
from assay.service.importers.tool_rows import ToolRow
from assay.service.row_files.field_values import is_conversation, unpacked_cell
from assay.service.row_files.reading import NumberedRow

_FIELDS = frozenset({"doc_id", "doc", "target", "arguments", "resps", "filtered_resps"})
#: What a sample has beside its metrics.
LONGEST_TARGET = 10_000
_HASHES = frozenset({"filter", "metrics", "doc_hash", "prompt_hash", "target_hash", "schema"})


@dataclass(frozen=True, slots=True)
class LmEvalSamples:
    """Answers and metrics of a task's samples; a multiple choice has its options' likelihoods."""

    name: str = "lm-eval"
    title: str = "lm-evaluation-harness samples"
    shapes: tuple[RowShape, ...] = ("rankings", "scores", "labels")
    mapped: tuple[str, ...] = ("query", "label")

    def recognises(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row has the fields that each sample has."""
        return row.keys() >= _FIELDS

    def rows(self, rows: Iterable[ToolRow], wish: Wish) -> Iterator[NumberedRow]:
        """Yield rows; several models' files of one task become several candidates or scores."""
        gathered, filters = Gathered(), dict[tuple[str, str], dict[str, ToolRow]]()
        for row in rows:
            key, doc_id = _key(row), row.identity("doc_id")
            seen = filters.setdefault((key, row.source), {})
            filter_name = row.text_or_none("filter") or ""
            if filter_name in seen:
                raise row.refusal(
                    "doc_id", f"is on line {seen[filter_name].line} as well: keep one run", doc_id
                )
            seen[filter_name] = row
            if len(seen) == 1:
                _enter(gathered.query(key, doc_id, row), row, wish)
            else:
                wish.skipped["samples of a further filter"] += 1
        return gathered.rows(wish)


def _key(row: ToolRow) -> str:
    """Return what tells samples of several tasks apart, the same in each model's file."""
    if row.has("doc_hash"):
        return f"{row.identity('doc_id')}:{row.text('doc_hash')}"
    return f"{row.identity('doc_id')}:{short_hash(_json(row.values.get('doc')))}"


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)  # orjson takes no integer beyond 64 bits


def _enter(query: GatheredQuery, row: ToolRow, wish: Wish) -> None:
    requests = _requests(row)
    responses = row.items("resps")
    if len(responses) != len(requests):
        raise row.refusal("resps", f"must have {len(requests)} lists, one for each request")
    if not requests or len(requests[0]) < 2:
        wish.skipped["samples without answers (a likelihood of a whole text)"] += 1
    elif isinstance(requests[0][1], str):
        _enter_options(query, row, requests, wish)
    else:
        _enter_answers(query, row, requests[0][0], responses, wish)


def _requests(row: ToolRow) -> list[list[Any]]:
    """Return each request's arguments, in either form."""
    arguments = row.values.get("arguments")
    if isinstance(arguments, Mapping):
        requests = [value for value in arguments.values() if value is not None]
    else:
        requests = list(row.items("arguments"))
    for place, request in enumerate(requests):
        if isinstance(request, Mapping):
            requests[place] = [value for value in request.values() if value is not None]
        if not isinstance(requests[place], list) or not requests[place]:
            raise row.refusal(f"arguments.{place}", "must be the arguments of a request", request)
        requests[place] = [_single_text(argument) for argument in requests[place]]
    return requests


def _single_text(argument: Any) -> Any:
    """Return the text of a list of one: JSON makes one of a model's `JsonChatStr(prompt)`."""
    alone = isinstance(argument, list) and len(argument) == 1 and isinstance(argument[0], str)
    return argument[0] if alone else argument


def _enter_answers(
    query: GatheredQuery, row: ToolRow, prompt: Any, responses: Sequence[Any], wish: Wish
) -> None:
    _ask(query, row, prompt, wish)
    query.reference = row.text_or_none("target") or None
    texts = [text for response in responses for text in _listed(row, response)]
    metrics = sorted(row.values.keys() - _FIELDS - _HASHES)
    metric = label_metric(row, metrics, wish) if metrics else None
    if metric is not None and len(texts) > 1:
        wish.unlabelled[OF_SEVERAL] += 1
    for place, text in enumerate(texts):
        name = f"{row.source}:{place}" if row.source and len(texts) > 1 else row.source
        candidate = query.candidate(name or str(place), row, text)
        # With repeats, the metric is of all answers together.
        if metric is not None and len(texts) == 1:
            candidate.label = label_of(row, metric, wish)


def _ask(query: GatheredQuery, row: ToolRow, prompt: Any, wish: Wish) -> None:
    """Set what was asked: the mapped column, or the prompt, which may hold messages as JSON."""
    if "query" in wish.columns.columns:
        ask_mapped(query, row, wish)
        return
    if not isinstance(prompt, str) and not is_conversation(prompt):
        raise row.refusal("arguments", "the prompt must be a text or messages", prompt)
    wish.understood.setdefault("query", "arguments (the prompt, with its examples)")
    if not isinstance(prompt, str):
        set_asked(query, row, "arguments", prompt)
        return
    messages = as_messages(prompt)
    query.messages, query.query = (messages, None) if messages else (None, prompt)


def _listed(row: ToolRow, response: Any) -> list[str]:
    texts = response if isinstance(response, list) else [response]
    for text in texts:
        if not isinstance(text, str):
            raise row.refusal("resps", "must hold texts", text)
    return texts


def _enter_options(
    query: GatheredQuery, row: ToolRow, requests: list[list[Any]], wish: Wish
) -> None:
    """Enter the options of a multiple choice, each with its likelihood."""
    for place, request in enumerate(requests):
        if len(request) < 2:
            raise row.refusal(f"arguments.{place}", "must have a context and an option", request)
    contexts = [str(request[0]) for request in requests]
    kept = [place for place, context in enumerate(contexts) if context] or range(len(contexts))
    options = [str(requests[place][1]) for place in kept]
    prefix = contexts[kept[0]]
    if len(set(options)) < len(options):  # the options stand in the contexts
        prefix = _common_start([contexts[place] for place in kept])
        options = [contexts[place][len(prefix) :] + str(requests[place][1]) for place in kept]
    _ask(query, row, prefix, wish)
    right = _right_options(row, options)
    if not right:
        wish.unlabelled["samples whose target names no option"] += 1
    wish.understood.setdefault("labels", "target (the right option)")
    verifier = f"{row.source}:loglikelihood" if row.source else "loglikelihood"
    for place, text in enumerate(options):
        candidate = query.candidate(str(place), row, text)
        candidate.label = float(place in right) if right else None
        candidate.score(verifier, _likelihood(row, kept[place]), row)


def _common_start(texts: Sequence[str]) -> str:
    """Return the longest text that all begin with."""
    first, last = min(texts), max(texts)
    size = next(
        (place for place, pair in enumerate(zip(first, last, strict=False)) if len(set(pair)) > 1),
        min(len(first), len(last)),
    )
    return first[:size]


def _likelihood(row: ToolRow, place: int) -> float | None:
    response = row.items("resps")[place]
    while isinstance(response, list) and response:
        response = response[0]  # [[loglikelihood, is_greedy]]
    return row.as_number(f"resps.{place}", None if isinstance(response, list) else response)


def _right_options(row: ToolRow, options: list[str]) -> set[int]:
    """Return the places of the right options; none where the target names something else."""
    target = row.values.get("target")
    if isinstance(target, str) and len(target) <= LONGEST_TARGET:  # written as a text: "[0, 1]"
        target = unpacked_cell("target", target)
    targets = target if isinstance(target, list) else [target]
    places = [_place_of(item, options) for item in targets]
    named = {place for place in places if place is not None}
    return named if None not in places else set()


def _place_of(target: Any, options: list[str]) -> int | None:
    stripped = [option.strip() for option in options]
    text = str(target).strip()
    if stripped.count(text) == 1:
        return stripped.index(text)
    if text.isdecimal() and len(text) < 6 and int(text) < len(options):
        return int(text)
    return None
