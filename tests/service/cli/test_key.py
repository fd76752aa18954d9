"""`assay key`: a new key, and its entry for the configuration."""

from __future__ import annotations

from hashlib import sha256

import pytest

from tests.support.commands.in_process import problem, run, said


def test_the_entry_has_the_keys_hash_and_what_was_wanted() -> None:
    """Without default values."""
    made = said("key", "trainer", "--scopes", "label, rank", "--tasks", "math,code")

    assert made["entry"] == {
        "name": "trainer",
        "sha256": sha256(made["key"].encode()).hexdigest(),
        "scopes": ["rank", "label"],
        "tasks": ["math", "code"],
    }


def test_limits_are_kept_as_they_are_written() -> None:
    """Requests, cost and priority."""
    limits = {"requests": "600/minute", "cost": "1000/day", "priority": "bulk"}
    words = [word for name, value in limits.items() for word in (f"--{name}", value)]

    entry = said("key", "trainer", *words)["entry"]

    assert {name: entry[name] for name in limits} == limits


def test_no_two_keys_are_alike() -> None:
    """Their names have nothing to do with it."""
    assert said("key", "a")["key"] != said("key", "a")["key"]


def test_a_person_gets_the_entry_to_copy() -> None:
    """One line, in a terminal of any width."""
    shown = run("key", "trainer", "--requests", "600/minute").stdout

    [line] = [line for line in shown.splitlines() if line.startswith("    - ")]
    assert line.endswith("}")
    assert "service:\n  keys:" in shown
    assert "600/minute" in line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("a", "--scopes", "root"), "--scopes: must be any of rank, label, admin, with commas"),
        (("a", "--scopes", ","), "--scopes: must be any of"),
        (("a", "--requests", "many"), "requests: "),
        (("a", "--priority", "urgent"), "priority: "),
        (("two words",), "name: "),
    ],
)
def test_what_no_key_may_have_is_named(words: tuple[str, ...], message: str) -> None:
    """With its field and the bad value."""
    text = problem("key", *words)

    assert text.startswith(message)
    assert repr(words[-1]) in text
