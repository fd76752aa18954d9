"""The file of answers of `assay rank`: in the input's order, with what earlier runs answered."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson

from assay.service.domain.errors import StartupError

#: How each written line begins: a first one may be unfinished.
ANSWER_BEGIN = b'{"line":'
NOT_STATED = "their earlier answers do not state what was asked"
INPUT_CHANGED, ENSEMBLE_CHANGED = "their input changed", "the ensemble changed"
WAS_PARTIAL = "a verifier had failed on them"


@dataclass(slots=True)
class EarlierAnswer:
    """An answer of an earlier run, and where it stands."""

    place: tuple[Any, Any]  # its file, and its own id or its line
    line: int
    asked: str | None
    ensemble: str | None
    offset: int
    length: int
    partial: bool = False  # whether a verifier had failed on it
    aside: bool = False  # whether it stands in the file beside
    used: bool = False


@dataclass(slots=True)
class AskedRow:
    """A row to answer: its place, and the hashes of the row and of its ensemble."""

    place: tuple[Any, Any]
    row: str | None  # None of a row that cannot be read
    ensemble: str | None
    line: int = 0
    before: EarlierAnswer | None = None


@dataclass
class EarlierCounts:
    """What happened to the answers of earlier runs."""

    kept: int = 0
    ensemble_changed: int = 0
    was_partial: int = 0
    replaced: dict[int, EarlierAnswer] = field(default_factory=dict)
    of_failed: dict[int, EarlierAnswer] = field(default_factory=dict)

    def asked_again(self) -> dict[str, int]:
        """Return how many rows were asked again, by the reason."""
        replaced = [earlier for earlier in self.replaced.values() if not earlier.used]
        replaced = [earlier for earlier in replaced if id(earlier) not in self.of_failed]
        unknown = sum(earlier.asked is None for earlier in replaced)
        counts = {
            INPUT_CHANGED: len(replaced) - unknown,
            ENSEMBLE_CHANGED: self.ensemble_changed,
            WAS_PARTIAL: self.was_partial,
            NOT_STATED: unknown,
        }
        return {reason: count for reason, count in counts.items() if count}


class AnswersFile:
    """Answers in the input's order: a killed run is continued, and what changed is replaced.

    Answers that stand where they belong stay. At the first that does not, the rest of the file
    goes into a file beside, `.NAME.earlier`, from which answers are taken over as their rows come.
    In the end it has the answers of rows that fail now: a later run takes them over where the rows
    and the ensemble are again as they were. Without such rows it is removed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.aside = self.path.with_name(f".{path.name[:200]}.earlier")
        self.counts = EarlierCounts()
        self._in_place: list[EarlierAnswer] = []
        self._by_hash: dict[str | None, list[EarlierAnswer]] = defaultdict(list)
        self._by_place: dict[tuple[Any, Any], EarlierAnswer] = {}
        self._by_line: dict[tuple[Any, int], EarlierAnswer] = {}
        self._next = 0
        self._file: IO[bytes] | None = None
        self._read()

    def _read(self) -> None:
        """Find the answers of earlier runs.

        Raises `StartupError` for a file without one line of this command's: it is something else.
        """
        if self.path.is_file():
            self._in_place = list(_answers(self.path))
            if not self._in_place:
                _refuse_other_content(self.path)
        beside = list(_answers(self.aside)) if self.aside.is_file() else []
        for earlier in beside:
            earlier.aside = True
        for earlier in [*self._in_place, *beside]:
            self._by_hash[earlier.asked].append(earlier)
            self._by_place.setdefault(earlier.place, earlier)
            self._by_line.setdefault((earlier.place[0], earlier.line), earlier)

    def earlier(self, asked: AskedRow) -> EarlierAnswer | None:
        """Return the earlier answer of a row; None where the row or its ensemble changed, a
        verifier had failed on it, or it is new.
        """
        same = [earlier for earlier in self._by_hash.get(asked.row, ()) if not earlier.used]
        for earlier in same:
            if earlier.ensemble == asked.ensemble:
                earlier.used = True
                if earlier.partial:
                    asked.before = earlier
                    self.counts.was_partial += 1
                    return None
                self.counts.kept += 1
                return earlier
        before = self._by_place.get(asked.place)
        if same:
            same[0].used, asked.before = True, same[0]
            self.counts.ensemble_changed += 1
        elif before is not None:
            self.counts.replaced[id(before)] = before
        return None

    def failed(self, asked: AskedRow) -> None:
        """Keep the earlier answer of a row that fails now beside the file, if there is one."""
        earlier = (
            asked.before
            or self._by_place.get(asked.place)
            or self._by_line.get((asked.place[0], asked.line))
        )
        if earlier is None or (earlier.used and earlier is not asked.before):
            return
        earlier.used = False
        self.counts.of_failed[id(earlier)] = earlier

    @property
    def kept_beside(self) -> list[EarlierAnswer]:
        """Return the answers that are kept in the file beside: of rows that fail now."""
        return [earlier for earlier in self.counts.of_failed.values() if not earlier.used]

    def keep(self, earlier: EarlierAnswer, file: str, line: int) -> None:
        """Put an earlier answer at its row's turn."""
        if self._file is None and self._stands_next(earlier, file, line):
            self._next += 1
        else:
            self._cut()
            self.write({**orjson.loads(self._content(earlier)), "line": line, "file": file})

    def _stands_next(self, earlier: EarlierAnswer, file: str, line: int) -> bool:
        following = self._in_place[self._next] if self._next < len(self._in_place) else None
        begins = self._in_place[self._next - 1] if self._next else None
        end = 0 if begins is None else begins.offset + begins.length
        at_place = (earlier.place[0], earlier.line, earlier.offset) == (file, line, end)
        return earlier is following and at_place

    def _content(self, earlier: EarlierAnswer) -> bytes:
        with (self.aside if earlier.aside else self.path).open("rb") as file:
            file.seek(earlier.offset)
            return file.read(earlier.length)

    def _cut(self) -> None:
        """Move what does not stand where it belongs to the file beside, and begin to write."""
        if self._file is not None:
            return
        before = self._in_place[self._next - 1] if self._next else None
        end = 0 if before is None else before.offset + before.length
        if self._next < len(self._in_place):
            with self.path.open("rb") as file, self.aside.open("ab") as aside:
                base = aside.tell()
                file.seek(end)
                shutil.copyfileobj(file, aside, 1 << 20)
                aside.flush()
                os.fsync(aside.fileno())
            for earlier in self._in_place[self._next :]:
                earlier.offset, earlier.aside = base + earlier.offset - end, True
        self._file = self.path.open("ab")
        self._file.truncate(end)

    def write(self, answer: dict[str, Any]) -> None:
        """Append an answer; it is in the file when this returns."""
        self._cut()
        assert self._file is not None  # noqa: S101 - `_cut` opens it
        self._file.write(orjson.dumps(answer) + b"\n")
        self._file.flush()

    def finish(self) -> None:
        """End the file after the last row, and forget answers whose rows are no more."""
        self._cut()
        self.close()
        if not self.kept_beside:
            self.aside.unlink(missing_ok=True)
            return
        unfinished = self.aside.with_name(f"{self.aside.name}.new")
        with unfinished.open("wb") as file:
            file.writelines(map(self._content, self.kept_beside))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self.aside)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    @property
    def left_out(self) -> int:
        """Return how many earlier answers are of rows that are no more, and not replaced."""
        replaced = self.counts.replaced.keys() | self.counts.of_failed.keys()
        every = (earlier for same in self._by_hash.values() for earlier in same)
        return sum(not earlier.used and id(earlier) not in replaced for earlier in every)


class AnswersStream:
    """Answers into a pipe or a device, which holds none of an earlier run."""

    def __init__(self, file: IO[bytes]) -> None:
        self.counts, self.left_out = EarlierCounts(), 0
        self.kept_beside: list[EarlierAnswer] = []
        self._file = file

    def failed(self, _: AskedRow) -> None:
        """Do nothing: there is no earlier answer."""

    def earlier(self, _: AskedRow) -> None:
        """Return that there is no earlier answer."""

    def keep(self, earlier: EarlierAnswer, file: str, line: int) -> None:
        """Do nothing: there is no earlier answer."""

    def write(self, answer: dict[str, Any]) -> None:
        """Write an answer."""
        self._file.write(orjson.dumps(answer) + b"\n")
        self._file.flush()

    def finish(self) -> None:
        """Do nothing more: all is written."""

    def close(self) -> None:
        """Close the pipe, so that its reader sees the end."""
        self._file.close()


def _answers(path: Path) -> Iterator[EarlierAnswer]:
    """Yield the answers of a file that are none of an error; an unfinished last line is none."""
    offset = 0
    with path.open("rb") as file:
        for line in file:
            answer = _written(line) if line.endswith(b"\n") else None
            if answer is not None and "error" not in answer:
                own = answer.get("id")
                name = own if isinstance(own, str | int | float) else None
                yield EarlierAnswer(
                    place=(answer.get("file"), answer["line"] if name is None else ("id", name)),
                    line=answer["line"],
                    asked=answer.get("input_hash"),
                    ensemble=answer.get("ensemble_hash"),
                    offset=offset,
                    length=len(line),
                    partial=answer.get("partial") is True,
                )
            offset += len(line)


def _refuse_other_content(path: Path) -> None:
    """Raise `StartupError` for a file that holds something else than errors or a first answer."""
    with path.open("rb") as file:
        for line in file:
            unfinished = (
                not line.endswith(b"\n") and line[: len(ANSWER_BEGIN)] == ANSWER_BEGIN[: len(line)]
            )
            if _written(line) is not None or unfinished:
                return
            if line.strip():
                break
        else:
            return
    raise StartupError(f"{path}: holds something other than answers; name another file")


def _written(line: bytes) -> dict[str, Any] | None:
    """Return an answer or an error that this command wrote; None for any other line."""
    if not line.startswith(b"{"):
        return None
    try:
        answer = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    is_ours = isinstance(answer, dict) and isinstance(answer.get("line"), int)
    return answer if is_ours and ("results" in answer or "error" in answer) else None
