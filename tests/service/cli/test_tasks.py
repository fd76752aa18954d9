"""The commands that teach a running service."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

import pytest

from assay.service.cli import tasks as teaching
from tests.support.commands.terminals import HOSTILE, harmless
from tests.support.http.canned_server import answering_by_path


def test_candidates_and_queries_do_not_write_to_the_labellers_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`assay label` shows text that any caller may have written."""
    drawn = {
        "candidates": [
            {"query": "q " + HOSTILE, "candidate": "c " + HOSTILE, "key": "k", "random": True}
        ]
    }
    monkeypatch.setattr(sys, "stdin", io.StringIO("s\n"))
    with answering_by_path(
        {"/v1/tasks/t/to-label": drawn, "/v1/tasks/t": {"labels": 0}}
    ) as running:
        teaching.label_by_hand(running.url, "t", 1, "me")
    shown = capsys.readouterr().out

    assert harmless(shown)
    assert shown.count("[red]a[/]") == 2


def test_names_and_reasons_from_a_server_do_not_write_to_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
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
        (
            {"serving": HOSTILE, "pinned": True},
            lambda url: teaching.promote_version(url, "t", 1, None),
        ),
    ]
    for answer, ask in commands:
        with answering_by_path({"*": answer}) as running:
            ask(running.url)
        shown.append(capsys.readouterr().out)

    assert [harmless(each.replace("\\\n", "\\").replace("\n", "")) for each in shown] == [True] * 4
