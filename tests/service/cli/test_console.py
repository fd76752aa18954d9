"""Foreign text commands no terminal: candidates, servers' names, errors, logs."""

from __future__ import annotations

import ast
import io
import json
from pathlib import Path

import pytest
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from assay.service.cli.console import Console, ProgressText
from assay.verifiers import printable
from tests.support.commands.in_process import run
from tests.support.commands.terminals import HOSTILE, harmless

ROOT = Path(__file__).parents[3]


def test_what_a_terminal_obeys_is_spelled_out_and_the_rest_stays() -> None:
    """Also halves of characters, which no terminal's encoding has; line ends, tabulators,
    joiners and emoji stay.
    """
    assert harmless(printable(HOSTILE))
    assert printable("\x1b[31m") == "\\x1b[31m"
    assert printable("\u202e\U000e0041\ud800") == "\\u202e\\U000e0041\\ud800"
    assert (
        printable("a\n\tb é 👩\u200d💻 ❤\ufe0f می\u200cخ")
        == "a\n\tb é 👩\u200d💻 ❤\ufe0f می\u200cخ"
    )


@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_printed_by_a_command_is_obeyed_or_read_as_markup(terminal: bool) -> None:
    """As a line, in a table, as a text of its own, as a rule."""
    console = Console(file=io.StringIO(), force_terminal=terminal, width=400, color_system=None)
    table = Table(HOSTILE, title=HOSTILE)
    table.add_row(HOSTILE)

    for each in (HOSTILE, Text(HOSTILE), table):
        console.print(each)
    console.rule(HOSTILE)
    shown = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO

    assert harmless(shown)
    assert shown.count("[red]a[/] [/no] [link=http://e]b[/link] :bug:") == 6


def test_every_command_prints_through_that_console() -> None:
    """No module uses Rich's own console, and only JSON and our own text bypass it."""
    takes = [
        path.name
        for path in sorted((ROOT / "service").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if path.name != "console.py"
        and (
            isinstance(node, ast.ImportFrom)
            and node.module in ("rich.console", "rich")
            and any(a.name in ("Console", "print") for a in node.names)
        )
    ]

    assert takes == []


@pytest.mark.parametrize("name", ["score[gpt]", "a[/b]", ":smile:", "mod[v2].json", "[link=x]y"])
def test_a_name_beside_a_bar_stays_as_it_is(name: str) -> None:
    """As verifiers of `assay doctor` have theirs."""
    console = Console(file=io.StringIO(), width=200, force_terminal=True, color_system=None)
    with Progress(ProgressText("{task.description}"), console=console) as bar:
        bar.add_task(name, total=1)

    assert name in console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO


def test_no_command_reads_a_text_as_markup() -> None:
    """Rich's own column of text does, and `Text.from_markup`."""
    offending = [
        f"{path.name}:{node.lineno}"
        for path in sorted((ROOT / "service").rglob("*.py"))
        if path.name != "console.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Attribute) and node.attr in ("from_markup", "TextColumn"))
        or (isinstance(node, ast.alias) and node.name == "TextColumn")
        or (isinstance(node, ast.keyword) and node.arg in ("markup", "emoji") and ast.unparse(node.value) != "False")
    ]  # fmt: skip

    assert offending == []


HOSTILE_NAMES = ["score[gpt]", "a[/b]", ":smile:", "\x1b[31mred", "a[bold]"]


@pytest.mark.parametrize("words", ["fit", "evaluate", "predict"])
def test_names_of_verifiers_and_files_are_printed_as_they_are(tmp_path: Path, words: str) -> None:
    """Markup and emoji codes stay, escapes are spelled out."""
    table, model = tmp_path / "t[v2].jsonl", tmp_path / "mod[v2].json"
    rows = [
        {"query_id": f"q{place // 4}", "label": int(place % 3 == 0)}
        | {name: (place * (31 + turn) % 101) + 40 * (place % 3 == 0) for turn, name in enumerate(HOSTILE_NAMES)}
        for place in range(240)
    ]  # fmt: skip
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    fitted = run("fit", table, "-o", model)
    done = {
        "fit": lambda: fitted,
        "evaluate": lambda: run("evaluate", table),
        "predict": lambda: run("predict", model, table, "-o", tmp_path / "p[v2].jsonl"),
    }[words]()
    shown = "".join((done.stdout + done.stderr).split())

    assert done.exit_code == 0
    assert "\x1b" not in shown
    assert [name for name in HOSTILE_NAMES if printable(name) not in shown] == []
    named = {"fit": "mod[v2].json", "evaluate": "", "predict": "p[v2].jsonl"}[words]
    assert named in shown


def test_a_files_name_commands_no_terminal(tmp_path: Path) -> None:
    """Of `init`, and of errors of a file."""
    name = "e\x1b[2J[red].yaml"

    for done in (run("init", tmp_path / name), run("init", tmp_path / name)):
        assert "\x1b" not in done.stdout + done.stderr
        assert "e\\x1b[2J[red].yaml" in done.stdout + done.stderr
