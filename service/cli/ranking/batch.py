"""`assay batch`: one job from its plan to its mark of success, in this process or on Ray."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TimeRemainingColumn,
)

from assay.service.batch.files import BatchError, Files
from assay.service.batch.plan import (
    BAD,
    SUCCESS,
    BatchPlan,
    Done,
    JobOptions,
    Part,
    freeze,
    plan_batch,
    remaining_parts,
    total,
)
from assay.service.batch.ranking import Effort, Ranker
from assay.service.batch.ranking_rows import understood_from
from assay.service.cli.console import Console, ProgressText
from assay.service.cli.ranking.bad_rows import AllowedBad
from assay.service.cli.ranking.failure_reasons import FailureReasons
from assay.service.config.loading import default_config_path
from assay.service.config.model import Config
from assay.service.runtime.configuration import load_config
from assay.service.runtime.lifespan import open_engine
from assay.service.store.embedded_valkey import EmbeddedStore
from assay.service.telemetry.logs import configure_logging
from assay.service.telemetry.metrics import Metrics

#: Rows that could not be ranked, after which no more are read for their reasons.
MOST_ROWS_WITH_REASONS = 100_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """The command line's arguments."""

    where: str
    out: str
    options: JobOptions = field(default_factory=JobOptions)
    effort: Effort = field(default_factory=Effort)
    ray: str | None = None
    workers: int | None = None
    allowed: AllowedBad = field(default_factory=AllowedBad)


def run_batch(
    wanted: Wanted, config_path: Path | None, flags: Mapping[str, Any], as_json: bool
) -> None:
    """Rank the remaining parts of a job, and print the result.

    Raises `StartupError` if it cannot go on, and `SystemExit` 1 if more rows than allowed could
    not be ranked. There is no mark of success where none could.
    """
    # As many requests at once as are wanted: the store's connections are counted by that.
    flags = {"log_level": "warning", "max_active": wanted.effort.concurrency, **flags}
    config = load_config(config_path or default_config_path(), flags)
    configure_logging(config.service)
    with _stored(config) as config:
        console = Console(stderr=True)
        with console.status("counting rows"):
            job = asyncio.run(_planned(config, wanted))
        _show_understood(job, console)
        files = Files(job.out)
        files.sweep()
        todo, before = remaining_parts(job, files)
        if todo:
            done = (
                _on_ray(config, job, todo, wanted)
                if wanted.ray
                else _here(config, job, todo, wanted.effort)
            )
            with redirect_stdout(sys.stderr):  # Ray prints its workers' logs
                _show(done, job, before, console)
    # From the marks: the message of a worker that died is lost.
    todo, finished = remaining_parts(job, files)
    if todo:
        raise BatchError(
            f"{len(todo)} parts are missing from {job.out}; run the same command again"
        )
    counts = total(finished)
    summary = asdict(counts)
    if counts.bad < counts.rows:
        files.put(orjson.dumps(summary), SUCCESS)
    _tell(summary, job, as_json, failure_reasons(files) if counts.bad else FailureReasons())
    if not wanted.allowed.hold(counts.bad, counts.rows):
        raise SystemExit(1)


@contextmanager
def _stored(config: Config) -> Iterator[Config]:
    """Run the embedded store during the job, and give its address to the job's workers."""
    if config.service.redis_url is not None:
        yield config
        return
    embedded = EmbeddedStore(config.service.data_dir / "store", config.service.cache_max_mb)
    try:
        embedded.start()
        yield config.model_copy(
            update={"service": config.service.model_copy(update={"redis_url": embedded.url})}
        )
    finally:
        embedded.stop()


async def _planned(config: Config, wanted: Wanted) -> BatchPlan:
    """Return the job, having looked that the verifiers of its ensemble answer."""
    async with open_engine(config, Metrics(), learning=False) as engine:
        job = await asyncio.to_thread(plan_batch, engine, wanted.where, wanted.out, wanted.options)
        _, readiness = await engine.readiness.report()
        ensemble = engine.learning.tasks.by_name[wanted.options.task].ensemble
        silent = {
            name: readiness["verifiers"][name]
            for name in config.ensembles[ensemble]
            if readiness["verifiers"][name] != "ok"
        }
        if silent and not wanted.effort.keep_going:
            problems = "\n".join(f"  {name}: {problem}" for name, problem in silent.items())
            raise BatchError(
                f"these verifiers do not answer:\n{problems}\nstart them, or take the rows without"
                " them: --keep-going"
            )
        return job


def _here(config: Config, job: BatchPlan, todo: Sequence[Part], effort: Effort) -> Iterator[Done]:
    """Rank in this process."""
    with asyncio.Runner() as runner:

        async def start() -> tuple[Any, Any]:
            opened = open_engine(config, Metrics(), learning=False)
            engine = await opened.__aenter__()
            freeze(engine, job.models)
            return opened, Ranker(engine, job, effort).rank(todo)

        opened, ranked = runner.run(start())
        try:
            while (done := runner.run(anext(ranked, None))) is not None:
                yield done
        finally:
            runner.run(ranked.aclose())
            runner.run(opened.__aexit__(None, None, None))


def _on_ray(config: Config, job: BatchPlan, todo: Sequence[Part], wanted: Wanted) -> Iterator[Done]:
    from assay.service.batch.on_ray import rank_on_ray

    assert wanted.ray is not None  # noqa: S101 - the caller has checked
    return rank_on_ray(config, job, todo, wanted.effort, wanted.ray, wanted.workers)


def _show(done: Iterable[Done], job: BatchPlan, before: Sequence[Done], console: Console) -> None:
    """Show how far it is until all is done."""
    so_far = total(before)
    columns = (
        ProgressText("ranking"),
        BarColumn(),
        MofNCompleteColumn(),
        TaskProgressColumn(show_speed=True),
        TimeRemainingColumn(),
    )
    with Progress(*columns, ProgressText("{task.description}"), console=console) as bar:
        task = bar.add_task("", total=job.rows, completed=so_far.rows)
        for part_counts in done:
            so_far = total((so_far, part_counts))
            progress_line = (
                f"{so_far.bad} bad, {so_far.partial} partial"
                if so_far.bad or so_far.partial
                else ""
            )
            bar.update(task, completed=so_far.rows, description=progress_line)


def _show_understood(job: BatchPlan, console: Console) -> None:
    """Print what was understood of each file; of many files, of those that differ."""
    shown: set[str] = set()
    for source in job.sources:
        lines = list(understood_from(source.understood).lines())
        if "\n".join(lines) not in shown:
            shown.add("\n".join(lines))
            for line in lines:
                console.print(f"{source.name}: {line}", highlight=False, soft_wrap=True)


def failure_reasons(files: Files) -> FailureReasons:
    """Return why rows of a job could not be ranked; of very many rows, of the first."""
    reasons, rows = FailureReasons(), 0
    for name in files.names(BAD):
        for line in (files.get(BAD, name) or b"").splitlines():
            bad = orjson.loads(line)
            reasons.add(str(bad["error"]), str(bad["file"]), bad["row"])
            rows += 1
        if rows >= MOST_ROWS_WITH_REASONS:
            break
    return reasons


def _tell(summary: dict[str, int], job: BatchPlan, as_json: bool, reasons: FailureReasons) -> None:
    if as_json:
        understood = {source.name: source.understood for source in job.sources}
        printed = {**summary, "out": job.out, "understood": understood, "reasons": reasons.data()}
        print(json.dumps(printed))  # noqa: T201 - this is the command's output
        return
    on_stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    for line in reasons.lines():
        on_stderr.print(line, markup=False)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{summary['rows']:,} rows: {job.out}", markup=False)
    if summary["bad"]:
        console.print(
            f"{summary['bad']:,} of them could not be ranked: see {job.out}/{BAD}", markup=False
        )
    if summary["partial"]:
        console.print(
            f"{summary['partial']:,} of them lack a failed verifier's scores: `partial`, `reasons`",
            markup=False,
        )
