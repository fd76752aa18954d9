"""Candidates in columns of their own: candidate_1, candidate_2; response_a, response_b."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from assay.service.row_files.column_map import ColumnMap
from assay.service.row_files.known_names import RANKING_NAMES, candidates_for
from assay.service.row_files.understood import Understood

_NUMBERED = re.compile(
    r"(candidate|response|completion|answer|output|generation|sample|reply)"
    r"[_ -]?([0-9]{1,4}|[a-z])",
    re.IGNORECASE,
)


def gathered(row: Mapping[str, Any], columns: ColumnMap, understood: Understood) -> dict[str, Any]:
    """Return a row whose numbered columns are its `candidates`; other rows as they are.

    Columns without a value are no candidates. Of two sets of numbered columns none is chosen.
    """
    if "candidates" in columns.columns or candidates_for("candidates", RANKING_NAMES, row)[0]:
        return dict(row)
    names: dict[str, list[tuple[int, str, str]]] = {}
    for name in row:
        if (match := _NUMBERED.fullmatch(name)) is not None and row[name] is not None:
            stem, mark = match[1].lower(), match[2].lower()
            names.setdefault(stem, []).append((int(mark) if mark.isdecimal() else 0, mark, name))
    sets = [sorted(members) for members in names.values() if len(members) > 1]
    if len(sets) != 1:
        return dict(row)
    taken = [name for _, _, name in sets[0]]
    understood.note(f"candidates are those of {', '.join(taken[:20])}")
    others = {name: value for name, value in row.items() if name not in taken}
    return {**others, "candidates": [row[name] for name in taken]}
