"""`assay rank`: files of queries through the service's own code, without a server."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.progress import Progress, TimeElapsedColumn

from assay.service.batch.ranking_rows import opened_rankings
from assay.service.cli.console import Console, ProgressText
from assay.service.cli.outputs import check_output, is_stream
from assay.service.cli.ranking.answering import Answering, Kept
from assay.service.cli.ranking.answers_file import AnswersFile, AnswersStream
from assay.service.cli.ranking.failure_reasons import FailureReasons
from assay.service.cli.ranking.turns import take_turns
from assay.service.config.loading import default_config_path
from assay.service.config.model import Config
from assay.service.domain.errors import StartupError
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.opening import STANDARD_INPUT
from assay.service.row_files.understood import Understood
from assay.service.runtime.configuration import load_config
from assay.service.runtime.lifespan import open_engine
from assay.service.telemetry.logs import configure_logging
from assay.service.telemetry.metrics import Metrics

#: The output that goes to the standard one.
STANDARD_OUTPUT = Path("-")
Answers = AnswersFile | AnswersStream


@dataclass(frozen=True, slots=True)
class RankOptions:
    """How files are read, and how many queries are asked at once."""

    columns: ColumnMap = field(default_factory=ColumnMap)
    concurrency: int = 8
    as_json: bool = False


def rank_files(
    paths: Sequence[Path],
    out: Path,
    config_path: Path | None,
    flags: Mapping[str, Any],
    options: RankOptions,
) -> None:
    """Answer each row of `paths` into `out`, in order; a second run continues an interrupted one.

    A line of `out` is the row, the answer of /v1/rank or {"error"}, and the number of its input
    line under `line`. An earlier answer stays where neither its row nor its ensemble changed.

    Raises `StartupError` if `out` is an input, or a file of something else; `SystemExit` 1 if a
    row could not be ranked.
    """
    if out != STANDARD_OUTPUT:
        check_output(out, *paths, config_path)
    for path in paths:
        if path.is_file():  # all of them before the first is ranked
            with opened_rankings(path, options.columns):
                pass
    config = load_config(config_path or default_config_path(), {**flags, "log_level": "warning"})
    configure_logging(config.service)
    console = Console(stderr=True, highlight=False)
    with _opened(out) as answers:
        # the summary as JSON is then all that standard error gets
        run = _Run(answers, options, console, quiet=options.as_json and is_stdout(out))
        asyncio.run(run.rank(config, paths))
    if not options.as_json:
        run.show_failures(out)
    _print_summary(run.summary(out), options.as_json, console if is_stdout(out) else None)
    if run.failed:
        raise SystemExit(1)


def is_stdout(out: Path) -> bool:
    """Return whether the answers go where the summary would go."""
    return out == STANDARD_OUTPUT or (is_stream(out) and out.name in ("stdout", "1"))


@contextmanager
def _opened(out: Path) -> Iterator[Answers]:
    answers: Answers
    if out == STANDARD_OUTPUT:
        yield AnswersStream(sys.stdout.buffer)
        return
    answers = AnswersStream(out.open("ab")) if is_stream(out) else AnswersFile(out)
    try:
        yield answers
    finally:
        answers.close()


class _Run:
    """One run over all files."""

    def __init__(
        self, answers: Answers, options: RankOptions, console: Console, quiet: bool
    ) -> None:
        self.answers, self.options, self.console = answers, options, console
        self.ranked = self.failed = self.partial = 0
        self.understood: dict[str, dict[str, Any]] = {}
        self.reasons = FailureReasons()
        self.quiet = quiet

    async def rank(self, config: Config, paths: Sequence[Path]) -> None:
        """Rank the files one after another."""
        # One version answers all rows; whoever serves the task learns from what it ranks.
        async with open_engine(config, Metrics(), learning=False) as engine:
            answering = Answering(engine, self.answers, self.options.concurrency)
            with Progress(
                ProgressText("ranking"),
                ProgressText("{task.completed} rows"),
                TimeElapsedColumn(),
                console=self.console,
                disable=not self.console.is_terminal or self.quiet,
            ) as bar:
                task = bar.add_task("ranking", total=None)
                for path in paths:
                    with opened_rankings(path, self.options.columns) as opened:
                        shown = self._show(path, opened.understood, ())
                        answering.file = path.name
                        async for answer in take_turns(
                            opened.rows,
                            answering.turn,
                            most=64 * self.options.concurrency,
                            in_thread=path == STANDARD_INPUT or not path.is_file(),
                        ):
                            self._write(answer)
                            bar.advance(task)
                        self._show(path, opened.understood, shown)
        if not self.ranked + self.failed + self.answers.counts.kept:
            raise StartupError(f"{', '.join(map(str, paths))}: has no rows")
        self.answers.finish()

    def _show(self, path: Path, understood: Understood, shown: Sequence[str]) -> list[str]:
        """Print the lines about a file that were not shown yet, and return all of them."""
        self.understood[str(path)] = understood.data()
        lines = [f"{path}: {line}" for line in understood.lines()]
        new = [line for line in lines if line not in shown]
        if new and not self.quiet:
            self.console.print("\n".join(new), markup=False, soft_wrap=True)
        return lines

    def _write(self, answer: dict[str, Any] | Kept) -> None:
        if isinstance(answer, Kept):
            self.answers.keep(answer.earlier, answer.file, answer.line)
            return
        if "error" in answer:
            self.failed += 1
            self.reasons.add(str(answer["error"]["message"]), answer["file"], answer["line"])
        else:
            self.ranked += 1
            self.partial += answer["partial"]
        self.answers.write(answer)

    def show_failures(self, out: Path) -> None:
        """Print why rows failed, and where their earlier answers are."""
        for line in self.reasons.lines():
            self.console.print(line, soft_wrap=True)
        if self.failed:
            self.console.print(f"each failed row has its reason in {out}: `error`", soft_wrap=True)
        if (count := len(self.answers.kept_beside)) and isinstance(self.answers, AnswersFile):
            self.console.print(
                f"{count} of the failed rows had answers of an earlier run: they are kept in"
                f" {self.answers.aside}, and a run in which rows and ensemble are as they were"
                " takes them back",
                soft_wrap=True,
            )

    def summary(self, out: Path) -> dict[str, Any]:
        """Return the run's counts."""
        return {
            "ranked": self.ranked,
            "failed": self.failed,
            "partial": self.partial,
            "already_there": self.answers.counts.kept,
            "asked_again": self.answers.counts.asked_again(),
            "left_out": self.answers.left_out,
            "kept_beside": len(self.answers.kept_beside),
            "reasons": self.reasons.data(),
            "understood": self.understood,
            "out": str(out),
        }


def _print_summary(summary: dict[str, Any], as_json: bool, console: Console | None) -> None:
    """Print a run's counts; on `console` where the answers have standard output for themselves."""
    if as_json:
        stream = sys.stderr if console else sys.stdout
        print(json.dumps(summary), file=stream)
        return
    console = console or Console(highlight=False, soft_wrap=True)
    kept = summary["already_there"]
    console.print(
        f"{summary['ranked']} ranked, {summary['failed']} failed, {kept} already in"
        f" {summary['out']}"
    )
    if summary["partial"]:
        console.print(
            f"{summary['partial']} of them lack a failed verifier's scores (`partial`, `warnings`):"
            " the next run asks again"
        )
    for reason, count in summary["asked_again"].items():
        console.print(f"{count} asked again: {reason}")
    if summary["left_out"]:
        console.print(f"{summary['left_out']} earlier answers left out: their rows are gone")
