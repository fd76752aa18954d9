"""A bulk job: its inputs cut into parts, and the models that score them, fixed at its start."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any

import orjson

from assay.service.batch.files import BatchError, Files, inputs
from assay.service.batch.formats import RowFormat, SourceFile
from assay.service.batch.jsonl import Jsonl
from assay.service.batch.parquet import Parquet
from assay.service.domain.learned import SavedVersion
from assay.service.runtime.engine import Engine

PLAN, DONE, BAD, SUCCESS = "_assay.json", "_done", "_bad", "_SUCCESS"
FORMAT_BY_SUFFIX: dict[str, type[RowFormat]] = {"jsonl": Jsonl, "parquet": Parquet}


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
    """A job, the same after any number of resumptions and on any machine."""

    out: str
    where: str  # the inputs' file system, as a URL
    sources: tuple[SourceFile, ...]
    suffix: str
    part_rows: int
    verifiers: dict[str, str]  # fingerprints by name
    models: dict[str, Any]  # each task's served artifact and report, or None before its first fit
    task: str

    @property
    def rows(self) -> int:
        """Return the number of rows in all."""
        return sum(source.rows for source in self.sources)

    def format(self) -> RowFormat:
        """Return how the files are read and written."""
        return FORMAT_BY_SUFFIX[self.suffix]()

    def parts(self) -> list[Part]:
        """Return all parts, in order."""
        parts: list[Part] = []
        for number, source in enumerate(self.sources):
            for place in range(-(-source.rows // self.part_rows)):
                name = f"part-{number:05d}-{place * self.part_rows:012d}.{self.suffix}"
                parts.append(Part(len(parts), number, place, name))
        return parts


def plan_batch(engine: Engine, where: str, out: str, part_rows: int, task: str) -> BatchPlan:
    """Return a new job, or the one begun in `out`; raise `BatchError` if that is another."""
    target = Files(out)
    files, paths = inputs(where, target)
    begun = target.get(PLAN)
    old = None if begun is None else _read(out, begun)
    part_rows = part_rows if old is None else old.part_rows
    suffix = paths[0].rpartition(".")[2]
    form = FORMAT_BY_SUFFIX[suffix]()
    sources = tuple(form.scan(files, path, part_rows) for path in paths)
    members = [
        member for ensemble in engine.scoring.scorer.ensembles.values() for member in ensemble
    ]
    verifiers = {member.name: f"{member.column.fingerprint:016x}" for member in members}
    tasks = engine.learning.tasks.by_name
    if task not in tasks:
        raise BatchError(f"no task is called {task!r}; choose from: {', '.join(sorted(tasks))}")
    if not sum(source.rows for source in sources):
        raise BatchError(f"{where}: has no rows")
    new = BatchPlan(
        out=out,
        where=where,
        sources=sources,
        suffix=suffix,
        part_rows=part_rows,
        verifiers=verifiers,
        models=served(engine),
        task=task,
    )
    if old is None:
        target.put(orjson.dumps(asdict(new), option=orjson.OPT_INDENT_2), PLAN)
        return new
    _same(old, new)
    return BatchPlan(
        out=out,
        where=where,
        sources=sources,
        suffix=suffix,
        part_rows=part_rows,
        verifiers=verifiers,
        models=old.models,
        task=task,
    )


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
        sources = tuple(
            SourceFile(source["path"], source["rows"], source["size"], tuple(source["offsets"]))
            for source in fields.pop("sources")
        )
        return BatchPlan(sources=sources, **fields)
    except (ValueError, KeyError, TypeError) as exc:
        raise BatchError(f"{out}/{PLAN} is damaged ({exc}); name another folder") from exc


def _same(old: BatchPlan, new: BatchPlan) -> None:
    """Raise `BatchError` if a job that is resumed would not end as it began."""
    begun = f"{new.out} was begun with"
    shapes = [
        [(source.name, source.rows, source.size) for source in plan.sources] for plan in (old, new)
    ]
    if shapes[0] != shapes[1]:
        raise BatchError(
            f"{begun} other input files ({', '.join(source.name for source in old.sources)}); name"
            " another folder"
        )
    if old.task != new.task:
        raise BatchError(f"{begun} the task {old.task!r}, not {new.task!r}; name another folder")
    if changed := sorted(
        name
        for name in old.verifiers.keys() | new.verifiers.keys()
        if old.verifiers.get(name) != new.verifiers.get(name)
    ):
        raise BatchError(
            f"{begun} other settings of the verifier {changed[0]!r}; name another folder, or set it"
            " back"
        )
