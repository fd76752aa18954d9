"""Files of one tool, read together."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from assay.service.domain.errors import StartupError
from assay.service.importers.importer import Wish
from assay.service.importers.tool_files import open_files, sources
from tests.support.tool_files import Row
from tests.support.tool_files.evaluations import lm_eval_sample
from tests.support.tool_files.preferences import mt_rating


def written(file: Path, *rows: Row) -> Path:
    """Return a file of JSON lines."""
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return file


def test_files_of_several_models_are_joined(tmp_path: Path) -> None:
    """By the tool that their fields show, or that is named."""
    files = [
        written(tmp_path / model / "samples_t_2026.jsonl", lm_eval_sample(1, [answer]))
        for model, answer in (("big", "2"), ("small", "3"))
    ]

    for name in ("auto", "lm-eval"):
        opened = open_files(files, name)
        rows = [row for _, row in opened.converted(Wish("rankings")).rows]
        assert [candidate["id"] for candidate in rows[0]["candidates"]] == ["big", "small"]
        assert opened.importer.name == "lm-eval"


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["x/s.jsonl"], [""]),
        (["a/s.jsonl", "b/s.jsonl"], ["a", "b"]),
        (["a/s.jsonl", "a/t.jsonl.gz"], ["s", "t"]),
        (["a/s.jsonl", "a/t.jsonl", "b/s.jsonl"], ["a/s.jsonl", "a/t.jsonl", "b/s.jsonl"]),
    ],
)
def test_short_names_of_files(paths: list[str], names: list[str]) -> None:
    """One file needs none."""
    assert sources([Path(path) for path in paths]) == names


def test_files_of_no_tool_or_of_two_are_refused(tmp_path: Path) -> None:
    """With the fields, or the tools."""
    samples = written(tmp_path / "a.jsonl", lm_eval_sample(1, ["2"]))
    ratings = written(tmp_path / "b.jsonl", mt_rating(81, "m", 9))
    own = written(tmp_path / "c.jsonl", {"query": "q", "candidates": ["a"]})
    empty = written(tmp_path / "d.jsonl")

    with pytest.raises(StartupError, match=r"b\.jsonl: holds MT-bench judgments, and .*a\.jsonl"):
        open_files([samples, ratings], "auto")
    with pytest.raises(StartupError, match=r"c\.jsonl: is of no tool .* \(query, candidates\)"):
        open_files([own], "auto")
    with pytest.raises(StartupError, match=r"d\.jsonl: has no rows"):
        open_files([empty], "auto")
    with pytest.raises(StartupError, match=r"a\.jsonl: is named twice"):
        open_files([samples, samples], "auto")
