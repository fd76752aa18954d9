"""Files of one tool, read together: of several models, or requests with their replies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from assay.service.domain.errors import StartupError
from assay.service.importers.importer import Importer, Wish
from assay.service.importers.recognition import (
    ANY_TOOL,
    Converted,
    converted_by,
    importer_named,
    recognised,
)
from assay.service.importers.tool_rows import ToolRow
from assay.service.row_files.reading import numbered_rows


@dataclass(frozen=True, slots=True)
class ToolFiles:
    """Files of one tool, and their rows, which are read as they are needed."""

    files: Sequence[Path]
    importer: Importer
    rows: Iterator[ToolRow]

    def converted(self, wish: Wish) -> Converted:
        """Return the rows in the wanted shape."""
        return converted_by(self.importer, self.rows, wish, str(self.files[0]))


def open_files(files: Sequence[Path], name: str) -> ToolFiles:
    """Return files of a tool; `name` is the tool's, or `auto`.

    Raises `StartupError` for files that no tool or several tools wrote.
    """
    for place, file in enumerate(files):
        if file in files[:place]:
            raise StartupError(f"{file}: is named twice")
    streams = [_tool_rows(file, source) for file, source in zip(files, sources(files), strict=True)]
    if name != ANY_TOOL:
        return ToolFiles(files, importer_named(name), chain.from_iterable(streams))
    importer: Importer | None = None
    whole: list[Iterator[ToolRow]] = []
    for file, rows in zip(files, streams, strict=True):
        first = next(rows, None)
        if first is None:
            raise StartupError(f"{file}: has no rows")
        tool = recognised(first.values)
        _check_tool(file, first, tool, files[0], importer)
        importer = tool
        whole.append(chain([first], rows))
    if importer is None:
        raise StartupError("name a file to import")
    return ToolFiles(files, importer, chain.from_iterable(whole))


def _check_tool(
    file: Path, first: ToolRow, tool: Importer | None, other: Path, others: Importer | None
) -> None:
    if tool is None:
        fields = ", ".join(str(name)[:40] for name in list(first.values)[:20])
        raise StartupError(
            f"{file}: is of no tool that assay knows by its fields ({fields}): name the tool,"
            " or use the file as it is"
        )
    if others is not None and tool is not others:
        raise StartupError(f"{file}: holds {tool.title}, and {other} {others.title}")


def sources(files: Sequence[Path]) -> list[str]:
    """Return a short name for each of several files: its folder's, its own, or both."""
    if len(files) == 1:
        return [""]
    folders = [file.resolve().parent.name for file in files]
    stems = [file.name.split(".")[0] for file in files]
    for names in (folders, stems):
        if len(set(names)) == len(files) and all(names):
            return names
    return [str(file) for file in files]


def _tool_rows(file: Path, source: str) -> Iterator[ToolRow]:
    for line, row in numbered_rows(file):
        yield ToolRow(row, line, str(file), source)
