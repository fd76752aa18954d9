"""A command writes over none of its inputs."""

from __future__ import annotations

import ast
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.service.cli.outputs import check_output, is_stream
from assay.service.domain.errors import StartupError
from tests.support.commands.in_process import problem, run

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("link", [None, Path.symlink_to, Path.hardlink_to])
def test_an_output_that_is_an_input_is_refused(
    tmp_path: Path, link: Callable[[Path, Path], None] | None
) -> None:
    """Also by a link of either sort, and by a way around."""
    file, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    file.write_text("one")
    if link is None:
        out = tmp_path / ".." / tmp_path.name / "in.jsonl"
    else:
        link(out, file)

    with pytest.raises(StartupError, match="is the same file as the input"):
        check_output(out, None, file)
    assert file.read_text() == "one"


def test_other_outputs_are_left_alone(tmp_path: Path) -> None:
    """A file that is not there yet, one that is, an input that is missing, a device."""
    file, other = tmp_path / "in.jsonl", tmp_path / "other.jsonl"
    file.write_text("one")
    other.write_text("two")

    check_output(tmp_path / "new.jsonl", file, tmp_path / "none.jsonl", None)
    check_output(other, file)
    check_output(Path("/dev/zero"), Path("/dev/zero"))

    assert (file.read_text(), other.read_text()) == ("one", "two")
    assert not (tmp_path / "new.jsonl").exists()


def test_pipes_devices_and_open_files_are_streams(tmp_path: Path) -> None:
    """F22: by link as well; a file, a link to one and a folder are none."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(tmp_path / "fifo")
    (tmp_path / "named").symlink_to("/dev/stdout")
    (tmp_path / "file").touch()
    (tmp_path / "other").symlink_to(tmp_path / "new")

    streams = [tmp_path / "fifo", tmp_path / "link", tmp_path / "named", Path("/dev/zero")]
    assert all(map(is_stream, [*streams, Path("/dev/stdout"), Path("/proc/self/fd/1")]))
    assert not any(map(is_stream, [tmp_path, *(tmp_path / n for n in ("file", "other", "new"))]))


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a table of scores, and a model of it beside it."""
    table = tmp_path_factory.mktemp("scores") / "t.jsonl"
    rows = [
        {"query_id": f"q{place // 4}", "a": place * 37 % 101, "b": place * 53 % 97, "c": place % 7}
        for place in range(160)
    ]
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run("fit", table, "-o", table.with_name("m.json")).exit_code == 0
    return table


#: Commands that write a file: their words, and the ending of its name.
WRITERS: dict[str, tuple[Callable[[Path, Path], list[str | Path]], str]] = {
    "fit": (lambda table, out: ["fit", table, "-o", out], ".json"),
    "predict": (lambda table, out: ["predict", table.with_name("m.json"), table, "-o", out], ".jsonl"),
    "init": (lambda table, out: ["init", out], ".yaml"),
}  # fmt: skip


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_a_link(tmp_path: Path, scores: Path, writer: str, there: bool) -> None:
    """What it leads to is written, whether it is there or not."""
    words, ending = WRITERS[writer]
    target, link = tmp_path / f"target{ending}", tmp_path / f"link{ending}"
    if there and writer != "init":  # which writes over nothing
        target.write_text("older")
    link.symlink_to(target)

    done = run(*words(scores, link))

    assert done.exit_code == 0, done.exception or done.output
    assert link.is_symlink()
    assert len(target.read_text()) > 100


@pytest.mark.parametrize("writer", ["fit", "predict"])
def test_a_pipe_gets_what_a_file_would(tmp_path: Path, scores: Path, writer: str) -> None:
    """It is written once, from start to end, and stays."""
    words, ending = WRITERS[writer]
    pipe, file = tmp_path / f"pipe{ending}", tmp_path / f"file{ending}"
    os.mkfifo(pipe)
    contents: list[bytes] = []
    reader = threading.Thread(target=lambda: contents.append(pipe.read_bytes()))
    reader.start()

    done = run(*words(scores, pipe))
    reader.join()
    run(*words(scores, file))

    assert done.exit_code == 0, done.exception or done.output
    assert pipe.is_fifo()
    assert contents == [file.read_bytes()]


def test_every_writer_of_the_command_line_goes_through_one_function() -> None:
    """`save_file`, which follows links and writes through pipes and devices."""
    offending = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in ("service/cli", "service/score_files", "service/row_files")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("write_bytes", "write_text", "rename")
    ]

    assert offending == []


@pytest.mark.parametrize("command", ["rank", "predict", "import"])
def test_a_folder_or_a_circle_of_links_is_no_output(tmp_path: Path, command: str) -> None:
    """One line with the reason, whoever writes."""
    source = tmp_path / "in.jsonl"
    source.write_text('{"query": "q", "candidates": ["a", "b"]}\n')
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    words: list[str | Path] = [source, source] if command == "predict" else [source]
    words = ["lm-eval", *words] if command == "import" else words

    circle = problem(command, *words, "-o", tmp_path / "one")
    folder = problem(command, *words, "-o", tmp_path)

    assert circle == f"{tmp_path / 'one'}: is a link that leads in a circle; name another file"
    assert folder == f"{tmp_path}: is a folder; name a file for the output"
