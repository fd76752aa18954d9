"""Foreign text commands no terminal: candidates, servers' names, errors, logs."""

from __future__ import annotations

import ast
import io
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from assay.service.cli.console import Console
from assay.verifiers import printable
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
