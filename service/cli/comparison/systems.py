"""The two systems that a command names: two files, two values of a column, or a file and a
baseline.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from assay.service.cli.comparison.candidate_rows import SystemFile, read_system
from assay.service.cli.comparison.choices import ComparedChoice, SimpleChoice
from assay.service.cli.comparison.row_values import ComparisonError
from assay.service.cli.comparison.sole_verifier import with_sole_verifier
from assay.service.row_files.column_map import ColumnMap


@dataclass(frozen=True, slots=True)
class ComparedFiles:
    """What a command names."""

    file: Path
    other: Path | None = None
    labels: Path | None = None
    by: ComparedChoice = ComparedChoice.PICK
    baseline: SimpleChoice | None = None
    between: str | None = None
    own: bool = False
    columns: ColumnMap = ColumnMap()  # noqa: RUF009 - it is frozen

    def __post_init__(self) -> None:
        named = [self.other is not None, self.baseline is not None, self.between is not None]
        if sum(named) != 1:
            raise ComparisonError(
                "name two systems: two files, or a file with --baseline first or random, or a file"
                " with --between COLUMN"
            )
        if self.baseline is not None and (self.by is ComparedChoice.CANDIDATES or self.own):
            raise ComparisonError(
                "--baseline compares a file's picks with its own candidates: leave out --by"
                " candidates and --own-candidates"
            )

    @property
    def own_candidates(self) -> bool:
        """Return whether candidates of one name differ in the two systems."""
        return self.own or self.between is not None or self.by is ComparedChoice.CANDIDATES

    @property
    def column(self) -> str | None:
        """Return the column that names the system of a row."""
        return None if self.between is None else self.between.partition("=")[0].strip()


def read_systems(files: ComparedFiles) -> tuple[SystemFile, SystemFile]:
    """Return the first and the second system; of a baseline, it is the first."""
    system = read_system(files.file, files.columns, files.column)
    system = with_sole_verifier(system, files.column)
    if files.baseline is not None:
        title = {"first": "first sample", "random": "random candidate"}[files.baseline]
        return replace(system, name=title), system
    if files.other is not None:
        second = with_sole_verifier(read_system(files.other, files.columns))
        if system.name != second.name:
            return system, second
        return replace(system, name=str(system.path)), replace(second, name=str(second.path))
    return _between(system, files.between or "")


def _between(system: SystemFile, stated: str) -> tuple[SystemFile, SystemFile]:
    """Return the systems of a column's two values."""
    column, _, listed = stated.partition("=")
    groups = list(dict.fromkeys(row.group for row in system.rows))
    names = [name.strip() for name in listed.split(",")] if listed else [str(g) for g in groups]
    if len(names) != 2:
        shown = ", ".join(repr(name[:40]) for name in names[:10])
        raise ComparisonError(
            f"{system.path}: `{column.strip()}` names {len(names)} systems ({shown}), and two are"
            f" compared: --between {column.strip()}=FIRST,SECOND"
        )
    parts = [
        replace(system, name=name, rows=[row for row in system.rows if row.group == name])
        for name in names
    ]
    for part in parts:
        if not part.rows:
            shown = ", ".join(repr(str(group)[:40]) for group in groups[:10])
            raise ComparisonError(
                f"{system.path}: no row has {part.name!r} in `{column.strip()}`; there are {shown}"
            )
    return parts[0], parts[1]
