"""The commands that teach a running service: tasks, fits, versions, labels by hand; all over its
API.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from rich.prompt import Prompt
from rich.table import Table

from assay.aggregation.label_model.labels import CALIBRATED_LABELS
from assay.service.cli.console import Console
from assay.service.cli.remote import Api, asks_assay
from assay.service.cli.report.summary import expected_gain, unused_labels
from assay.service.domain.errors import StartupError


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
    unused = unused_labels(fit.get("labels_given", 0), fit.get("labels_unused") or {})
    if fit["version"] is None:
        console.print(f"no new version: {fit.get('reason')}", markup=False)
        if unused:
            console.print(unused, markup=False, soft_wrap=True)
        return
    state = "served" if fit["served"] else "kept, not served"
    console.print(
        f"{task}@{fit['version']} ({state}): {fit['rows']} candidates, {fit['labels']}"
        f" labels, {fit['seconds']} s"
    )
    if unused:
        console.print(f"  {unused}", markup=False, soft_wrap=True)
    for check in fit["checks"]:
        sign = "✓" if check["passed"] else "✗"
        losses = (
            f"log loss {check['log_loss']:.3f}, theirs {check['theirs']:.3f} on {check['labels']}"
            " held-out labels"
        )
        console.print(f"  {sign} against {check['against']}: {losses}", markup=False)
    if fit.get("taken_back"):
        console.print(f"  {fit['taken_back']}", markup=False, soft_wrap=True)
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
            fit = api.call(f"/v1/tasks/{task}/fit", {})
            gain = expected_gain(api.call(f"/v1/tasks/{task}/evaluate", {}))
        except StartupError as exc:
            return str(exc)
    return gain or f"not calibrated yet: {fit.get('not_calibrated_because') or fit.get('reason')}"
