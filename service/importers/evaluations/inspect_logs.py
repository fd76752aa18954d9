"""Logs of Inspect: `.json`, and `.eval`, which is a zip of one JSON file a sample.

Published form: UKGovernmentBEIS/inspect_ai, `src/inspect_ai/log/_log.py` (`EvalLog`, `EvalSample`),
`scorer/_metric.py` (`Score`, and C, I, P and N as values), `model/_model_output.py`. Logs before
version 0.3.12 have one `score` for a sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assay.service.importers.conversations import content_text, messages_of, set_asked
from assay.service.importers.evaluations.metric_labels import OF_SEVERAL, checked_label
from assay.service.importers.gathering import Gathered, GatheredQuery
from assay.service.importers.importer import RowShape, Wish
from assay.service.importers.tool_rows import ToolRow
from assay.service.row_files.reading import NumberedRow

#: What a letter or a word is worth.
_WORTH = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0, "yes": 1.0, "no": 0.0, "true": 1.0, "false": 0.0}
#: Scorers that compare with the target; others, such as `model_graded_qa`, are judges.
_COMPARING = ("match", "includes", "exact", "choice", "answer", "pattern", "math", "verify", "f1")
_ATTACHMENT = "attachment://"


@dataclass(frozen=True, slots=True)
class InspectLogs:
    """Answers of all epochs to each sample; a comparing scorer is the label, judges are scores."""

    name: str = "inspect"
    title: str = "Inspect logs"
    shapes: tuple[RowShape, ...] = ("rankings", "scores", "labels")
    mapped: tuple[str, ...] = ("query", "label")

    def recognises(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row is a log, or a sample of one."""
        spec = row.get("eval")
        is_log = isinstance(spec, Mapping) and spec.keys() >= {"task", "model"}
        return (is_log and "samples" in row) or row.keys() >= {"epoch", "input", "target", "output"}

    def rows(self, rows: Iterable[ToolRow], wish: Wish) -> Iterator[NumberedRow]:
        """Yield rows; several models' logs of one task become several candidates."""
        gathered = Gathered()
        for row in rows:
            is_log = isinstance(row.values.get("eval"), Mapping)
            if is_log and row.values.get("status") not in (None, "success"):
                state = str(row.values["status"])[:40]
                wish.understood.setdefault(
                    "status", f"{state}: the run did not end well, and samples may be missing"
                )
            if is_log and not row.has("samples"):
                raise row.refusal("samples", "are missing: the log is a header only")
            for sample in row.objects("samples") if is_log else [row]:
                if sample.has("error"):
                    wish.skipped["samples that ended with an error"] += 1
                else:
                    _enter(gathered, sample, row.source, wish)
        return gathered.rows(wish)


def _enter(gathered: Gathered, sample: ToolRow, source: str, wish: Wish) -> None:
    name = sample.identity("id")
    query = gathered.query(name, name, sample)
    _ask(query, sample, wish)
    epoch = sample.number("epoch") or 1
    texts = list(_texts(sample))
    label, scores = _scored(sample, wish)
    if label is not None and len(texts) > 1:
        wish.unlabelled[OF_SEVERAL] += 1
    for place, text in enumerate(texts):
        parts = [source] if source else []
        parts += [f"{epoch:.0f}"] + ([str(place)] if len(texts) > 1 else [])
        candidate_name = ":".join(parts)
        if candidate_name in query.candidates:
            line = query.candidates[candidate_name].row.line
            raise sample.refusal("id", f"this sample and epoch are on line {line} as well", name)
        candidate = query.candidate(candidate_name, sample, text)
        if len(texts) == 1:  # otherwise the score is of the first choice, or of all together
            candidate.label = label
            for verifier, value in scores.items():
                candidate.score(verifier, value, sample)
    if not texts:
        wish.skipped["samples without an answer"] += 1


def _ask(query: GatheredQuery, sample: ToolRow, wish: Wish) -> None:
    if "query" in wish.columns.columns:
        value = wish.columns.read(sample.values, "query")
        set_asked(query, sample, wish.columns.columns["query"], value)
    elif sample.has("input"):
        wish.understood.setdefault("query", "input")
        value = sample.values["input"]
        if isinstance(value, str):
            query.query = _resolved(sample, value)
        else:
            messages = messages_of(sample, "input", sample.items("input"))
            query.messages = [
                {**message, "content": _resolved(sample, message["content"])}
                for message in messages
            ]
    target = sample.values.get("target")
    if isinstance(target, list):
        target = next((item for item in target if isinstance(item, str)), None)
    query.reference = target if isinstance(target, str) and target else None


def _texts(sample: ToolRow) -> Iterator[str]:
    """Yield the texts of all choices."""
    output = sample.below("output")
    choices = list(output.objects("choices")) if output.has("choices") else []
    for choice in choices:
        text = content_text(choice.below("message").values.get("content"))
        if text is None:
            raise choice.refusal("message.content", "has a part that is no text")
        yield _resolved(sample, text)
    if not choices and output.has("completion"):
        yield _resolved(sample, output.text("completion"))


def _resolved(sample: ToolRow, text: str) -> str:
    """Return a text; long ones are kept beside the sample, under a name."""
    if not text.startswith(_ATTACHMENT):
        return text
    attachments = sample.below("attachments") if sample.has("attachments") else None
    name = text.removeprefix(_ATTACHMENT)
    if attachments is None or not attachments.has(name):
        raise sample.refusal("attachments", "has no text of this name", name)
    return attachments.text(name)


def _scored(sample: ToolRow, wish: Wish) -> tuple[float | None, dict[str, float | None]]:
    """Return the label and the judges' scores of a sample."""
    values = dict(_values(sample))
    label_name = _label_scorer(sample, list(values), wish)
    scores = {
        name: value for name, value in values.items() if name != label_name and not _compares(name)
    }
    if label_name is None:
        return None, scores
    label = values.get(label_name)
    return checked_label(sample, label_name, label, wish), scores


def _label_scorer(sample: ToolRow, names: list[str], wish: Wish) -> str | None:
    """Return the scorer that says whether an answer is right: a comparing one, or the only one."""
    if "label" in wish.columns.columns:
        wanted = wish.columns.columns["label"]
        if names and wanted not in names:
            raise sample.refusal("scores", f"--map label names none of {', '.join(names)}", wanted)
        _note(names, wanted, wish)
        return wanted
    comparing = [name for name in names if _compares(name)]
    judges = [name for name in names if name.startswith("model_graded")]
    chosen = comparing[:1] or [name for name in names if name not in judges and len(names) == 1]
    if names:
        _note(names, chosen[0] if chosen else None, wish)
    return chosen[0] if chosen else None


def _compares(name: str) -> bool:
    return name.split("/")[0].startswith(_COMPARING)


def _note(names: list[str], label_name: str | None, wish: Wish) -> None:
    """Note which scorers are the label, scores, and neither."""
    others = [name for name in names if name != label_name]
    scores = ", ".join(name for name in others if not _compares(name))
    left_out = ", ".join(name for name in others if _compares(name))
    parts = [label_name or "none"]
    parts += [f"scores: {scores}"] * bool(scores) + [f"left out: {left_out}"] * bool(left_out)
    wish.understood.setdefault("labels", "; ".join(parts))


def _values(sample: ToolRow) -> Iterator[tuple[str, float | None]]:
    """Yield each scorer's value as a number; an object of values gives one for each."""
    if sample.has("score") and not sample.has("scores"):
        yield "score", _worth(sample, "score", sample.below("score").values.get("value"))
    elif sample.has("scores"):
        scores = sample.below("scores")
        for name in scores.values:
            value = scores.below(name).values.get("value")
            if isinstance(value, Mapping):
                for part, worth in value.items():
                    yield f"{name}/{part}", _worth(scores, f"{name}.{part}", worth)
            else:
                yield name, _worth(scores, name, value)


def _worth(row: ToolRow, field: str, value: Any) -> float | None:
    if isinstance(value, str):
        worth = _WORTH.get(value, _WORTH.get(value.lower()))
        if worth is not None:
            return worth
        try:
            return row.as_number(field, float(value))
        except ValueError:
            return None  # a letter or a word of the scorer's own
    return None if isinstance(value, list) else row.as_number(field, value)
