"""What every importer has."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from random import Random
from typing import Any

import orjson
import pytest

from assay.service.domain.errors import StartupError
from assay.service.importers.importer import Importer, Wish
from assay.service.importers.recognition import IMPORTERS
from assay.service.importers.tool_rows import ToolRow
from tests.service.importers.test_recognition import FORMS
from tests.support.tool_files import Row


@pytest.mark.parametrize("importer", IMPORTERS, ids=lambda importer: importer.name)
def test_an_importer_has_a_name_a_title_and_shapes(importer: Importer) -> None:
    """No two share a name or a title."""
    assert [other.name for other in IMPORTERS].count(importer.name) == 1
    assert [other.title for other in IMPORTERS].count(importer.title) == 1
    assert set(importer.shapes) <= {"rankings", "scores", "labels"}
    assert importer.shapes


def test_wishes_share_no_reports() -> None:
    """Each import counts for itself."""
    first = Wish("labels")
    first.skipped["x"] += 1

    assert Wish("labels").skipped == {}


#: Values that stand where others are expected.
STRANGE: list[Any] = [
    *(None, True, 0, -1, 1.5, float("nan"), "", "x", "nan", "[1", "{'a'", 10**30),
    *([], {}, [[]], [None], {"a": 1}, [1, 2], ["x"], [{"role": "user"}], {"value": [1]}),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values in a row."""
    items: list[tuple[Any, Any]] = list(value.items()) if isinstance(value, dict) else []
    if isinstance(value, list):
        items = list(enumerate(value))
    return [path, *(deeper for key, item in items for deeper in places(item, (*path, key)))]


def changed(row: Row, choose: Random) -> Row:
    """Return a row with a value left out, or a strange one in its place."""
    row = deepcopy(row)
    *path, last = choose.choice(places(row)[1:])
    holder: Any = row
    for key in path:
        holder = holder[key]
    if choose.random() < 0.25:
        del holder[last]
    else:
        holder[last] = deepcopy(choose.choice(STRANGE))
    return row


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("importer", IMPORTERS, ids=lambda importer: importer.name)
def test_whatever_stands_in_a_row_is_read_or_refused(importer: Importer, seed: int) -> None:
    """In every shape; what is read can be written."""
    choose = Random(seed)
    for _ in range(150):
        rows = [changed(choose.choice(FORMS[importer.name]), choose) for _ in range(2)]
        for shape in importer.shapes:
            tool_rows = [ToolRow(row, line, "f") for line, row in enumerate([*rows, *rows], 1)]
            with suppress(StartupError):
                orjson.dumps([row for _, row in importer.rows(tool_rows, Wish(shape))])
        assert all(isinstance(importer.recognises(row), bool) for row in rows)
