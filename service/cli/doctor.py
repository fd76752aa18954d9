"""`assay doctor`: examines every verifier of a configuration; a table, or JSON for machines."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from assay.service.cli.console import Console, ProgressText
from assay.service.config.loading import default_config_path
from assay.service.config.model import Config
from assay.service.config.suggestion import did_you_mean
from assay.service.domain.errors import StartupError
from assay.service.runtime.configuration import load_config
from assay.verifiers import Grade, HttpPool, Verifier, build
from assay.verifiers.doctor.attacks import AttackResult, attack, number_of_attacks
from assay.verifiers.doctor.examine import Report, examine
from assay.verifiers.doctor.probes import probes
from assay.verifiers.judges.base import Judging

SIGNS = {Grade.OK: "✓", Grade.SKIPPED: "-", Grade.WARNING: "!", Grade.FAILED: "✗"}
STYLES = {Grade.OK: "green", Grade.SKIPPED: "dim", Grade.WARNING: "yellow", Grade.FAILED: "red"}


def run_doctor(path: Path | None, only: Sequence[str], attacking: bool, as_json: bool) -> int:
    """Examine the verifiers, or attack the judges; return 1 if one failed, else 0."""
    config = load_config(path or default_config_path())
    names = [verifier.name for verifier in config.verifiers]
    for name in only:
        if name not in names:
            raise StartupError(f"no verifier is called {name!r}{did_you_mean(name, names)}")
    chosen = [name for name in names if not only or name in only]
    return asyncio.run(
        _attack(config, chosen, as_json) if attacking else _examine(config, chosen, as_json)
    )


async def _examine(config: Config, names: Sequence[str], as_json: bool) -> int:
    transport = HttpPool(network=config.service.network)
    verifiers = [
        build(settings, transport) for settings in config.verifiers if settings.name in names
    ]
    try:
        with _progress(as_json) as progress:
            reports = await asyncio.gather(*(_one(verifier, progress) for verifier in verifiers))
    finally:
        await transport.close()
    if as_json:
        print(json.dumps([as_dict(report) for report in reports], indent=2))  # noqa: T201 - the command's output
    else:
        _show(reports)
    return 1 if any(report.grade is Grade.FAILED for report in reports) else 0


async def _one(verifier: Verifier, progress: Progress) -> Report:
    task = progress.add_task(verifier.settings.name, total=2 * len(probes()))
    report = await examine(verifier, progress=lambda count: progress.advance(task, count))
    progress.update(task, completed=2 * len(probes()))
    return report


def _progress(quiet: bool) -> Progress:
    columns = (
        ProgressText("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet)


def as_dict(report: Report) -> dict[str, Any]:
    """Return a report as JSON has it."""
    return {
        "verifier": report.verifier,
        "kind": report.kind,
        "grade": report.grade.value,
        **{
            name: value
            for name, value in asdict(report).items()
            if name not in ("verifier", "kind")
        },
    }


def _console() -> Console:
    """Return a console that does not cut lines when the output is no terminal."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def _show(reports: Sequence[Report]) -> None:
    console = _console()
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("verifier", "kind", "", "right above wrong", "a call"):
        table.add_column(heading, no_wrap=True)
    for report in reports:
        auc = (
            f"{report.auc.value:.2f} [{report.auc.low:.2f}, {report.auc.high:.2f}]"
            if report.auc
            else "-"
        )
        latency = f"{report.latency_ms:.0f} ms" if report.latency_ms is not None else "-"
        table.add_row(
            report.verifier,
            report.kind,
            Text(report.grade.value, STYLES[report.grade]),
            auc,
            latency,
        )
    console.print(table)
    for report in reports:
        console.print(f"\n{report.verifier}", style="bold", markup=False)
        for finding in report.findings:
            line = f"  {SIGNS[finding.grade]} {finding.check}: {finding.seen}"
            console.print(line, style=STYLES[finding.grade], markup=False, soft_wrap=True)
            if finding.advice:
                console.print(f"      {finding.advice}", markup=False, soft_wrap=True)


async def _attack(config: Config, names: Sequence[str], as_json: bool) -> int:
    transport = HttpPool(network=config.service.network)
    judges = [
        verifier
        for settings in config.verifiers
        if settings.name in names and is_attackable(verifier := build(settings, transport))
    ]
    if not judges:
        raise StartupError(
            "no judge to attack: configure one, since verifiers of other kinds read no instructions"
        )
    results: dict[str, dict[str, list[AttackResult]]] = {}
    try:
        with _progress(as_json) as progress:
            for judge in judges:
                assert isinstance(judge, Judging)  # noqa: S101 - is_attackable says so
                results[judge.settings.name] = {}
                for state, defended in (("off", False), ("on", True)):
                    settings = judge.judging.model_copy(update={"defences": defended})
                    attacked = build(settings, transport)
                    assert isinstance(attacked, Judging)  # noqa: S101 - the same kind
                    task = progress.add_task(
                        f"{judge.settings.name}, defences {state}", total=number_of_attacks()
                    )
                    results[judge.settings.name][state] = await attack(
                        attacked, partial(progress.advance, task)
                    )
    finally:
        await transport.close()
    if as_json:
        shown = {
            name: {state: list(map(asdict, attacks)) for state, attacks in by_state.items()}
            for name, by_state in results.items()
        }
        print(json.dumps(shown, indent=2))  # noqa: T201 - the command's output
    else:
        for name, by_state in results.items():
            _show_attacks(name, by_state)
    return 0


def is_attackable(verifier: Verifier) -> bool:
    """Return whether a verifier reads a prompt about one candidate at a time."""
    return isinstance(verifier, Judging) and not verifier.setwise


def _show_attacks(name: str, by_state: dict[str, list[AttackResult]]) -> None:
    table = Table(
        box=None,
        header_style="bold",
        pad_edge=False,
        title=f"{name}: attacks that worked",
        title_justify="left",
    )
    for heading in (
        "attack",
        "texts",
        "called right: off",
        "on",
        "beats a right answer: off",
        "on",
    ):
        table.add_column(heading, justify="left" if heading == "attack" else "right", no_wrap=True)
    for off, on in zip(by_state["off"], by_state["on"], strict=True):
        shares = (off.called_right, on.called_right, off.beats_right, on.beats_right)
        shown = ["-" if share is None else f"{share:.0%}" for share in shares]
        table.add_row(
            off.family, str(off.attacks), *shown, style="bold" if off.family == "all" else ""
        )
    _console().print(table)
