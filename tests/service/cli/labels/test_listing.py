"""Labels on the screen."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.commands.in_process import run, said
from tests.support.commands.terminals import HOSTILE, harmless
from tests.support.http.canned_server import answering_by_path


def own(correct: float | None, who: str | None, **more: Any) -> dict[str, Any]:
    """Return an annotator's label."""
    return {"correct": correct, "who": who, "random": None, "at": 86_400.0, "comment": None, **more}


ANN, BOB = own(1.0, "ann", random=True), own(0.25, "bob", random=False)
LABELS = [
    {"key": "k1", "matched": True, "conflict": True, "by": [ANN, BOB], "history": [ANN, BOB]},
    {
        "key": "k2",
        "matched": False,
        "conflict": False,
        "by": [],
        "history": [ANN, own(None, "ann")],
    },
]
LISTED = {"total": 2, "matched": 1, "unmatched": 1, "conflicts": 1, "labels": LABELS}


def shown(*words: str, listed: dict[str, Any] = LISTED) -> tuple[str, str]:
    """Return what is printed, and the request's path."""
    with answering_by_path({"*": listed}) as service:
        done = run("labels", "list", "t", *words, "--url", service.url)
    assert done.exit_code == 0, done.output
    return done.stdout, service.asked[0][0]


def test_each_annotators_label_has_its_line() -> None:
    """With counts of what is used, and of conflicts."""
    text, path = shown()
    lines = text.splitlines()

    assert path == "/v1/tasks/t/labels"
    assert lines[:3] == [
        "k1",
        "  1, by ann, 1970-01-02 00:00, random",
        "  0.25, by bob, 1970-01-02 00:00, not random",
    ]
    assert "2 labelled candidates: 1 were ranked, 1 were not" in text
    assert "withdrawn" not in text


def test_the_history_has_withdrawals() -> None:
    """As events without a value."""
    text, path = shown("--history")

    assert path.endswith("?history=true")
    assert "  withdrawn, by ann, 1970-01-02 00:00, random not stated" in text.splitlines()


@pytest.mark.parametrize(("word", "keys"), [("--conflicts", ["k1"]), ("--unmatched", ["k2"])])
def test_some_can_be_picked(word: str, keys: list[str]) -> None:
    """As JSON, too."""
    with answering_by_path({"*": LISTED}) as service:
        listed = said("labels", "list", "t", word, "--url", service.url)

    assert [label["key"] for label in listed] == keys


def test_an_annotators_words_do_not_write_to_the_terminal() -> None:
    """They may be anybody's."""
    label = {
        "key": "k",
        "matched": True,
        "conflict": False,
        "by": [own(1.0, HOSTILE, comment=HOSTILE)],
    }

    assert harmless(shown(listed={**LISTED, "labels": [label]})[0])
