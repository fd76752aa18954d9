"""What others wrote speaks to nobody's terminal: candidates, servers' names, errors, logs."""

from __future__ import annotations

import ast
import io
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import structlog
from rich.table import Table
from rich.text import Text

from assay.service.cli import doctor
from assay.service.cli import main as cli
from assay.service.cli import tasks as teaching
from assay.service.cli.config_check import check
from assay.service.cli.console import Console
from assay.service.cli.report import command as report_command
from assay.service.concurrency.breaker import Breaker
from assay.service.config.settings import ServiceSettings
from assay.service.scoring.guard import LONGEST_REASON, Guarded, fit_to_tell
from assay.service.telemetry.logs import configure_logging
from assay.verifiers import Finding, Grade, Pair, Query, Verdict, VerifierError, printable
from assay.verifiers.checks.python_tests import verdict_of
from assay.verifiers.doctor.examine import Report
from assay.verifiers.safety.sandbox import Ran
from tests.support.fakes import FakeVerifier

#: Clipboard, screen, title, colours, C1's short forms, direction overrides, hyperlinks; and Rich's
#: own markup.
HOSTILE = "\x1b]52;c;cm0gLXJmIH4K\x07\x1b[2J\x1b]0;X\x07\x9b31mred\u202eevil\u2066\x7f\x08\x08\r\x00\u200b\U000e0041[red]a[/] [/no] [link=http://e]b[/link] :bug:"
OBEYED = [
    chr(code)
    for code in (*range(9), *range(11, 32), *range(127, 160), 0x202E, 0x2066, 0x200B, 0xE0041)
]
ROOT = Path(__file__).parents[3]


def harmless(shown: str) -> bool:
    """Return whether a text has nothing that a terminal obeys, and says what was hidden in it."""
    return not [each for each in OBEYED if each in shown] and "\\x1b" in shown


@contextmanager
def hostile_service(answers: dict[str, Any], status: int = 200) -> Iterator[str]:
    """Run a service that says what a test wants, whatever it is asked; yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            self.rfile.read(length)
            path = self.path.partition("?")[0]
            raw = json.dumps(answers.get(path, answers.get("*", {}))).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_POST = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


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
    """Nobody takes Rich's own, and nothing but JSON and what we wrote ourselves is printed past
    it.
    """
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


def test_candidates_and_queries_do_not_write_to_the_labellers_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`assay label`: what is shown was written by whoever asked."""
    drawn = {
        "candidates": [
            {"query": "q " + HOSTILE, "candidate": "c " + HOSTILE, "key": "k", "random": True}
        ]
    }
    monkeypatch.setattr(sys, "stdin", io.StringIO("s\n"))
    with hostile_service({"/v1/tasks/t/to-label": drawn, "/v1/tasks/t": {"labels": 0}}) as url:
        teaching.label_by_hand(url, "t", 1, "me")
    shown = capsys.readouterr().out

    assert harmless(shown)
    assert shown.count("[red]a[/]") == 2


def test_a_servers_names_and_reasons_do_not_either(capsys: pytest.CaptureFixture[str]) -> None:
    """`assay tasks`, `assay fit --task`, `assay promote`, `assay report`."""
    task = {
        "task": HOSTILE,
        "ensemble": HOSTILE,
        "model_version": HOSTILE,
        "calibrated": True,
        "requests": HOSTILE,
        "labels": 1,
    }
    fitted = {
        "version": HOSTILE, "served": True, "rows": HOSTILE, "labels": HOSTILE, "seconds": HOSTILE,
        "checks": [{"passed": True, "against": HOSTILE, "log_loss": 0.1, "theirs": 0.2, "labels": HOSTILE}],
        "verifiers": [{"name": HOSTILE, "weight": 0.5, "dropped": HOSTILE}],
    }  # fmt: skip
    shown = []
    commands: list[tuple[Any, Callable[[str], None]]] = [
        ({"tasks": [task]}, lambda url: teaching.show_tasks(url, False)),
        (fitted, lambda url: teaching.fit_task(url, "t", False)),
        ({"version": None, "reason": HOSTILE}, lambda url: teaching.fit_task(url, "t", False)),
        ({"serving": HOSTILE, "pinned": True}, lambda url: teaching.promote(url, "t", 1, None)),
    ]
    for answer, ask in commands:
        with hostile_service({"*": answer}) as url:
            ask(url)
        shown.append(capsys.readouterr().out)

    assert [harmless(each.replace("\\\n", "\\").replace("\n", "")) for each in shown] == [True] * 4


@pytest.mark.parametrize("answer", [{"error": {"message": HOSTILE}}, HOSTILE])
def test_a_servers_errors_do_not_either(
    answer: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever stops a command is shown by one line of `main`."""
    with hostile_service({"*": answer}, 500) as url:
        monkeypatch.setattr(sys, "argv", ["assay", "tasks", "--url", url])
        with pytest.raises(SystemExit):
            cli.main()
    shown = capsys.readouterr().err

    assert not [each for each in OBEYED if each in shown]
    assert "answered 500" in shown


def test_what_the_doctor_saw_does_not_either(capsys: pytest.CaptureFixture[str]) -> None:
    """Findings quote servers."""
    report = Report("judge", "judge", [Finding("reachable", Grade.FAILED, HOSTILE, HOSTILE)])

    doctor._show([report])

    assert harmless(capsys.readouterr().out)


def test_what_a_configuration_says_does_not_either(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`assay config check` quotes the file."""
    path = tmp_path / "e.yaml"
    path.write_text(json.dumps({"verifiers": [{"name": HOSTILE, "kind": "length"}]}))

    check(path, True, False)

    shown = capsys.readouterr()
    assert not [each for each in OBEYED if each in shown.err + shown.out]


def test_a_report_of_a_service_does_not_either(capsys: pytest.CaptureFixture[str]) -> None:
    """Its sentences and its table."""
    row = {
        "name": HOSTILE,
        "family": HOSTILE,
        "weight": 0.5,
        "coverage": 1.0,
        "estimated_auc": 0.7,
        "measured_auc": None,
        "cost_share": 1.0,
        "loss_without": None,
    }
    console = Console(highlight=False)

    console.print(report_command._table({"verifiers": [row]}))

    assert harmless(capsys.readouterr().out.replace("\n", ""))


def test_the_log_for_people_does_not_either(capsys: pytest.CaptureFixture[str]) -> None:
    """Errors of servers are in its fields."""
    before = structlog.get_config()
    try:
        configure_logging(ServiceSettings(log_json=False))
        structlog.get_logger().warning(
            "verifier_served_wrongly",
            seen=HOSTILE,
            error=f"x\n{HOSTILE}",
            name="\x1b]0;owned\x07\x1b[2J",
        )
    finally:
        structlog.configure(**before)
    shown = capsys.readouterr().err

    assert harmless(shown)


@pytest.mark.parametrize(
    "outcome",
    [
        "SECRET -1 \x1b[31m" + "x" * 200_000,
        "print",
        "os",
        "ValueError: secret",
        "",
        "__name__",
        "ok\x1b",
    ],
)
def test_an_outcome_that_the_code_made_up_is_no_reason(outcome: str) -> None:
    """The code can write to the report; only names of Python's own exceptions are told."""
    told = [verdict_of(Ran(outcome, [])).reason, verdict_of(Ran("ok", ["ok", outcome])).reason]

    assert all(str(each).endswith(("Error", "ended the process")) for each in told)
    assert verdict_of(Ran("ok", ["AssertionError"])).reason == "0 of 1 pass; test 1: AssertionError"
    assert verdict_of(Ran("SystemExit", [])).reason == "the code: SystemExit"


@pytest.mark.parametrize("says", [VerifierError(HOSTILE + "y" * 200_000), None])
async def test_a_reason_is_bounded_and_speaks_to_no_terminal(says: Exception | None) -> None:
    """Whichever verifier gives it: a server quotes what it was asked."""

    class Telling(FakeVerifier):
        async def score(self, pairs: Any) -> Any:
            found = await super().score(pairs)
            for verdict in found.items:
                verdict.reason = HOSTILE + "y" * 200_000
            return found

    guarded = Guarded(Telling("t", says=says or 0.5), Breaker(5, 1.0))

    [verdict] = (await guarded.score([Pair(Query.of("q"), "a")])).items

    assert isinstance(verdict, Verdict)
    assert harmless(str(verdict.reason))
    assert len(str(verdict.reason)) < 2 * LONGEST_REASON
    assert fit_to_tell("two lines\nof text") == "two lines\nof text"
