"""A bulk job: its inputs cut into parts, and the models that score them, fixed at its start."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple, dataclass, field, replace
from typing import Any

import orjson

from assay.service.batch.files import BatchError, Files, inputs
from assay.service.batch.formats import RowFormat, SourceFile
from assay.service.batch.scoring_settings import settings_by_place
from assay.service.batch.source_forms import FORMAT_BY_FORM, forms_of
from assay.service.domain.learned import SavedVersion
from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.rankings import check_ranking_map
from assay.service.runtime.engine import Engine

#: Changes with the fields of a plan.
LAYOUT = 2
PLAN, DONE, BAD, SUCCESS = "_assay.json", "_done", "_bad", "_SUCCESS"


@dataclass(frozen=True, slots=True)
class Part:
    """Adjacent rows of one input file, and the name of the output file that holds their results."""

    number: int
    source: int
    place: int  # among the parts of its source
    name: str


@dataclass(frozen=True, slots=True)
class Done:
    """A finished part: its rows, its invalid rows, and rows on which a verifier failed."""

    rows: int
    bad: int
    partial: int


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """A job, the same after any number of resumptions and on any machine.

    `settings`: hashes of what determines results. `texts`: whether the output has the texts.
    `columns`: which column the user says holds which field.
    """

    out: str
    where: str  # the inputs' file system, as a URL
    sources: tuple[SourceFile, ...]
    suffix: str
    part_rows: int
    verifiers: dict[str, str]  # fingerprints by name
    models: dict[str, Any]  # each task's served artifact and report, or None before its first fit
    task: str
    settings: dict[str, str]
    texts: bool = True
    columns: dict[str, str] = field(default_factory=dict)
    layout: int = LAYOUT

    @property
    def rows(self) -> int:
        """Return the number of rows in all."""
        return sum(source.rows for source in self.sources)

    def format(self, source: int) -> RowFormat:
        """Return how an input file is read, and its output written."""
        form = FORMAT_BY_FORM[self.sources[source].form]
        return form(self.texts, ColumnMap(self.columns))

    def parts(self) -> list[Part]:
        """Return all parts, in order."""
        parts: list[Part] = []
        for number, source in enumerate(self.sources):
            for place, first in enumerate(source.firsts):
                name = f"part-{number:05d}-{first:012d}.{self.suffix}"
                parts.append(Part(len(parts), number, place, name))
        return parts


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How a job reads its rows, cuts them and writes them."""

    part_rows: int = 1000
    task: str = "default"
    texts: bool = True
    columns: ColumnMap = field(default_factory=ColumnMap)


def plan_batch(engine: Engine, where: str, out: str, options: JobOptions) -> BatchPlan:
    """Return a new job, or the one begun in `out`; raise `BatchError` if that is another."""
    check_ranking_map(options.columns)
    target = Files(out)
    files, paths = inputs(where, target)
    begun = target.get(PLAN)
    old = None if begun is None else _read(out, begun)
    part_rows = options.part_rows if old is None else old.part_rows
    forms = forms_of(files, paths, options.columns)
    sources = tuple(
        replace(_scanned(files, path, form, part_rows, options), form=form)
        for path, form in zip(paths, forms, strict=True)
    )
    members = [
        member for ensemble in engine.scoring.scorer.ensembles.values() for member in ensemble
    ]
    tasks, task = engine.learning.tasks.by_name, options.task
    if task not in tasks:
        raise BatchError(f"no task is called {task!r}; choose from: {', '.join(sorted(tasks))}")
    if not sum(source.rows for source in sources):
        raise BatchError(f"{where}: has no rows")
    new = BatchPlan(
        out=out,
        where=where,
        sources=sources,
        suffix="parquet" if forms[0] == "parquet" else "jsonl",
        part_rows=part_rows,
        verifiers={member.name: f"{member.column.fingerprint:016x}" for member in members},
        models=served(engine),
        task=task,
        settings=settings_by_place(engine.config),
        texts=options.texts,
        columns=dict(options.columns.columns),
    )
    if old is None:
        target.put(orjson.dumps(asdict(new), option=orjson.OPT_INDENT_2), PLAN)
        return new
    _same(old, new)
    return replace(new, models=old.models)


def _scanned(files: Files, path: str, form: str, part_rows: int, options: JobOptions) -> SourceFile:
    return FORMAT_BY_FORM[form](options.texts, options.columns).scan(files, path, part_rows)


def served(engine: Engine) -> dict[str, Any]:
    """Return the served model of each task that learns; others have theirs in the configuration."""
    return {
        task.name: (
            None
            if task.served.saved is None
            else {
                "version": task.served.saved.version,
                "artifact": orjson.loads(task.served.saved.artifact),
                "report": task.served.saved.report,
            }
        )
        for task in engine.learning.tasks.by_name.values()
        if task.learns
    }


def freeze(engine: Engine, models: dict[str, Any]) -> None:
    """Have the tasks serve the models of the job's start, and learn nothing."""
    for name, model in models.items():
        task = engine.learning.tasks.by_name[name]
        if model is not None:
            artifact = orjson.dumps(model["artifact"])
            task.serve(SavedVersion(model["version"], artifact, model["report"]))
        task.stop_learning()


def remaining_parts(plan: BatchPlan, files: Files) -> tuple[list[Part], list[Done]]:
    """Return the remaining parts, and the results of the finished ones."""
    parts, there = plan.parts(), set(files.names(DONE))
    done = files.get_all(DONE, [part.name for part in parts if part.name in there])
    return [part for part in parts if part.name not in done], [
        Done(**orjson.loads(content)) for content in done.values()
    ]


def total(done: Iterable[Done]) -> Done:
    """Return the counts of all parts together."""
    return Done(*(sum(counts) for counts in zip((0, 0, 0), *map(astuple, done), strict=True)))


def chunks(parts: Sequence[Part], workers: int, longest: int = 32) -> list[list[Part]]:
    """Return runs of adjacent parts of one file: more than workers, so that all end together."""
    size = max(1, min(longest, len(parts) // (4 * workers)))
    runs: list[list[Part]] = []
    for part in parts:
        last = runs[-1] if runs else []
        if (
            last
            and len(last) < size
            and last[-1].source == part.source
            and last[-1].place + 1 == part.place
        ):
            last.append(part)
        else:
            runs.append([part])
    return runs


def _read(out: str, content: bytes) -> BatchPlan:
    try:
        fields = orjson.loads(content)
        if fields.get("layout") != LAYOUT:
            raise BatchError(
                f"{out} was begun by another release of assay, which cut the rows otherwise; finish"
                " it with that one, or name another folder"
            )
        sources = tuple(
            SourceFile(
                **{**source, **{name: tuple(source[name]) for name in ("firsts", "offsets")}}
            )
            for source in fields.pop("sources")
        )
        return BatchPlan(sources=sources, **fields)
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise BatchError(f"{out}/{PLAN} is damaged ({exc}); name another folder") from exc


def _same(old: BatchPlan, new: BatchPlan) -> None:
    """Raise `BatchError` if a job that is resumed would not end as it began."""
    begun = f"{new.out} was begun with"
    names = [[source.name for source in plan.sources] for plan in (old, new)]
    if names[0] != names[1]:
        raise BatchError(f"{begun} other input files ({', '.join(names[0])}); name another folder")
    for before, after in zip(old.sources, new.sources, strict=True):
        if (before.rows, before.size, before.digest) != (after.rows, after.size, after.digest):
            raise BatchError(
                f"{begun} another content of {before.name} ({before.rows} rows, {before.size}"
                " bytes); name another folder"
            )
    if old.task != new.task:
        raise BatchError(f"{begun} the task {old.task!r}, not {new.task!r}; name another folder")
    if old.columns != new.columns:
        old_map = ",".join(f"{name}={column}" for name, column in old.columns.items())
        raise BatchError(f"{begun} --map {old_map!r}; give the same, or name another folder")
    if old.texts != new.texts:
        ways = [f"{'with' if plan.texts else 'without'} texts" for plan in (old, new)]
        raise BatchError(f"{new.out} was begun {ways[0]}, not {ways[1]}; name another folder")
    if changed := sorted(
        place
        for place in old.settings.keys() | new.settings.keys()
        if old.settings.get(place) != new.settings.get(place)
    ):
        raise BatchError(
            f"{begun} other settings of {', '.join(changed[:5])}; name another folder, or set them"
            " back"
        )
