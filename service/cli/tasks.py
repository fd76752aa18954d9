"""The commands that teach a running service: tasks, fits, versions, labels; all over its API."""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from rich.prompt import Prompt
from rich.table import Table

from assay.aggregation.label_model.labels import CALIBRATED_LABELS
from assay.aggregation.whole_file import save_file
from assay.service.cli.console import Console
from assay.service.cli.remote import Api, ApiRefusedError, asks_assay
from assay.service.cli.report.summary import expected_gain
from assay.service.domain.errors import StartupError
from assay.service.score_files.parquet import load_arrow

LABELS_A_REQUEST = 1000
LONGEST_LABEL_LINE = 8 << 20
IN_LABELS = re.compile(r"labels\.(\d{1,6})(?:\..*)?")
LabelRow = tuple[int, dict[str, Any]]


@asks_assay
def show_tasks(url: str, as_json: bool) -> None:
    """Print the tasks."""
    tasks = Api(url).call("/v1/tasks")["tasks"]
    if as_json:
        print(json.dumps(tasks))  # noqa: T201 - the command's output
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("task", "ensemble", "serves", "calibrated", "requests", "labels"):
        table.add_column(heading, no_wrap=True)
    for task in tasks:
        kept = [str(task[name]) if name in task else "-" for name in ("requests", "labels")]
        table.add_row(
            task["task"],
            task["ensemble"],
            task["model_version"],
            "yes" if task["calibrated"] else "no",
            *kept,
        )
    Console(highlight=False).print(table)


@asks_assay
def fit_task(url: str, task: str, as_json: bool) -> None:
    """Have a task fitted now, and print the result."""
    fit = Api(url).call(f"/v1/tasks/{task}/fit", {})
    if as_json:
        print(json.dumps(fit))  # noqa: T201 - the command's output
        return
    console = Console(highlight=False)
    if fit["version"] is None:
        console.print(f"no new version: {fit.get('reason')}", markup=False)
        return
    state = "served" if fit["served"] else "kept, not served"
    console.print(
        f"{task}@{fit['version']} ({state}): {fit['rows']} candidates, {fit['labels']}"
        f" labels, {fit['seconds']} s"
    )
    for check in fit["checks"]:
        sign = "✓" if check["passed"] else "✗"
        losses = (
            f"log loss {check['log_loss']:.3f}, theirs {check['theirs']:.3f} on {check['labels']}"
            " held-out labels"
        )
        console.print(f"  {sign} against {check['against']}: {losses}", markup=False)
    if fit.get("not_served"):
        console.print(f"  not served: {fit['not_served']}", markup=False)
    for row in fit["verifiers"]:
        console.print(
            f"  {row['name']:<24} weight {row['weight']:+.2f}  {row['dropped'] or ''}", markup=False
        )


@asks_assay
def promote_version(url: str, task: str, version: int | None, pinned: bool | None) -> None:
    """Serve the named version, or the one before."""
    api = Api(url)
    if version is None:
        state = api.call(f"/v1/tasks/{task}/rollback", {})
    else:
        state = api.call(f"/v1/tasks/{task}/models/{version}/promote", {"pinned": pinned})
    Console(highlight=False).print(
        f"{task}@{state['serving']} is served" + (", pinned" if state["pinned"] else ""),
        soft_wrap=True,
    )


@asks_assay
def show_shadow(url: str, task: str, version: int, as_json: bool) -> None:
    """Print how another version would have answered the requests kept."""
    comparison = Api(url).call(f"/v1/tasks/{task}/models/{version}/shadow")
    if as_json:
        print(json.dumps(comparison))  # noqa: T201 - the command's output
        return
    losses = comparison["log_loss"]
    loss_text = (
        f"log loss {losses['other']:.3f}, served {losses['serving']:.3f} on {comparison['labels']}"
        " labels"
        if comparison["labels"]
        else "no labels"
    )
    Console(highlight=False).print(
        f"{task}@{version} beside {task}@{comparison['serving']} on {comparison['queries']:,}"
        f" queries: the same first candidate in {comparison['same_top']:.1%}, probabilities"
        f" {comparison['probability_difference'] or 0:.3f} apart in the mean; {loss_text}",
        soft_wrap=True,
    )


@asks_assay
def label_by_hand(url: str, task: str, count: int, who: str | None) -> None:
    """Show candidates one by one and send each label at once."""
    api, console = Api(url), Console(highlight=False)
    candidates = api.call(f"/v1/tasks/{task}/to-label?n={count}")["candidates"]
    if not candidates:
        console.print("nothing to label: every query that was kept has a label")
        return
    sent: list[Future[Any]] = []
    with ThreadPoolExecutor(
        1
    ) as sender:  # the service confirms a label once it is on disk; the person does not wait
        _ask(
            console,
            candidates,
            lambda label: sent.append(
                sender.submit(api.call, f"/v1/tasks/{task}/labels", {"labels": [label]})
            ),
            who,
        )
    labels_sent = len([pending.result() for pending in sent])
    labels = api.call(f"/v1/tasks/{task}")["labels"]
    console.print(
        f"{labels_sent} labels given, {labels} in all: {_worth(api, task, labels)}", markup=False
    )


def _ask(
    console: Console, candidates: list[Any], send: Callable[[dict[str, Any]], None], who: str | None
) -> None:
    """Show candidates until all are labelled or skipped, or somebody has had enough."""
    for number, candidate in enumerate(candidates, 1):
        console.rule(f"{number} of {len(candidates)}")
        console.print(candidate["query"], style="bold", markup=False)
        console.print(candidate["candidate"], markup=False)
        answer = Prompt.ask("correct?", choices=["y", "n", "s", "q"], default="s", console=console)
        if answer == "q":
            break
        if answer in "yn":
            send(
                {
                    "key": candidate["key"],
                    "correct": float(answer == "y"),
                    "random": candidate["random"],
                    "who": who,
                }
            )


def _worth(api: Api, task: str, labels: int) -> str:
    """Return the labels' effect on the ensemble, once a fit has learned from them."""
    if labels < CALIBRATED_LABELS:
        return f"{CALIBRATED_LABELS - labels} more make it calibrated"
    with Console(stderr=True).status("fitting and measuring"):
        try:
            api.call(f"/v1/tasks/{task}/fit", {})
            gain = expected_gain(api.call(f"/v1/tasks/{task}/evaluate", {}))
        except StartupError as exc:
            return str(exc)
    return gain or "not calibrated yet: half must be random, and 5 of each kind"


@asks_assay
def import_labels(url: str, task: str, file: Path) -> None:
    """Send the labels of a JSONL or Parquet file: entries of the API's `labels`, a row each."""
    api, sent, new = Api(url), 0, 0
    for part in _parts(_rows(file)):
        try:
            reply = api.call(f"/v1/tasks/{task}/labels", {"labels": [row for _, row in part]})
        except ApiRefusedError as exc:
            if (field := IN_LABELS.fullmatch(exc.param)) is None or int(field[1]) >= len(part):
                raise
            raise StartupError(f"{file}:{part[int(field[1])][0]}: {exc.detail}") from None
        sent, new = sent + reply["labels"], new + reply["new"]
    print(f"{sent} labels sent, {new} of them new")  # noqa: T201 - the command's output


@asks_assay
def export_labels(url: str, task: str, file: Path) -> None:
    """Write all labels as JSONL or Parquet, in the form of `import`, with time and author."""
    api = Api(url)
    labels = api.call(f"/v1/tasks/{task}/labels")["labels"]
    if file.suffix == ".parquet":
        arrow = load_arrow()
        text, number = arrow.string(), arrow.float64()
        columns = {
            "key": text,
            "correct": number,
            "random": arrow.bool_(),
            "who": text,
            "at": number,
        }
        out = io.BytesIO()
        arrow.parquet.write_table(arrow.Table.from_pylist(labels, arrow.schema(columns)), out)
        save_file(file, out.getvalue())
    else:
        save_file(file, "".join(json.dumps(row) + "\n" for row in labels).encode())
    print(f"{len(labels)} labels written to {file}")  # noqa: T201 - the command's output
    try:
        api.call(f"/v1/tasks/{task}/labels/exported", {"labels": len(labels)})
    # the file is whole: a store that can only be read, as in a failover, must not fail the command
    except StartupError as exc:
        Console(stderr=True).print(
            f"the service did not note the export: {exc}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


@asks_assay
def export_rows(url: str, task: str, file: Path, how: str, margin: float, threshold: float) -> None:
    """Write a task's traffic as training data."""
    raw = Api(url).read(
        f"/v1/tasks/{task}/export?format={how}&margin={margin}&threshold={threshold}"
    )
    save_file(file, raw)
    print(f"{raw.count(10)} rows written to {file}")  # noqa: T201 - the command's output


def _rows(file: Path) -> Iterable[LabelRow]:
    """Yield rows with their numbers in the file.

    Raises `StartupError` for an invalid row, with its place.
    """
    rows = _of_parquet(file) if file.suffix == ".parquet" else _lines(file)
    for number, row in rows:
        try:
            orjson.dumps(row)
        except TypeError as exc:
            raise StartupError(f"{file}:{number}: cannot be sent as JSON: {exc}") from None
        yield number, row


def _of_parquet(file: Path) -> Iterable[LabelRow]:
    arrow = load_arrow()
    number = 0
    try:
        with arrow.parquet.ParquetFile(file) as table:
            for batch in table.iter_batches(LABELS_A_REQUEST):
                for row in batch.to_pylist():
                    number += 1
                    yield number, _row(file, row)
    except (arrow.ArrowException, OSError) as exc:
        raise StartupError(f"{file}: not Parquet: {exc}") from None


def _row(file: Path, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row's present values; a time in the API's form, seconds since 1970."""
    if isinstance(at := row.get("at"), datetime):
        if at.tzinfo is None:
            raise StartupError(
                f"{file}: `at` has no time zone ({at}): give it one, or write seconds since 1970"
            )
        row["at"] = at.timestamp()
    return {key: value for key, value in row.items() if value is not None}


def _lines(file: Path) -> Iterable[LabelRow]:
    with file.open("rb") as lines:  # by bytes: a JSON text may hold Unicode's other line ends
        for number, line in enumerate(iter(lambda: lines.readline(LONGEST_LABEL_LINE + 1), b""), 1):
            if len(line) > LONGEST_LABEL_LINE:
                raise StartupError(
                    f"{file}:{number}: the line has more than {LONGEST_LABEL_LINE} bytes"
                )
            text = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            if text.strip():
                yield number, _parsed(file, number, text)


def _parsed(file: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as exc:
        shown = line[:40].decode(errors="backslashreplace").rstrip()
        raise StartupError(f"{file}:{number}: not JSON: {exc} (got {shown!r})") from None
    if not isinstance(row, dict):
        raise StartupError(
            f"{file}:{number}: must be an object (got"
            f" {line[:40].decode(errors='backslashreplace').rstrip()!r})"
        )
    return row


def _parts(rows: Iterable[LabelRow]) -> Iterable[list[LabelRow]]:
    part: list[LabelRow] = []
    for row in rows:
        part.append(row)
        if len(part) == LABELS_A_REQUEST:
            yield part
            part = []
    if part:
        yield part
