"""`assay models`."""

from __future__ import annotations

import json

from tests.support.commands.in_process import problem, run, said

NAME = "qwen2.5-math-prm-7b"


def test_models_are_listed_one_a_line_where_nobody_looks() -> None:
    """Unwrapped, so that other programs can read them."""
    lines = run("models").stdout.splitlines()

    assert len(lines) > 50
    assert all(line.count("\t") == 6 for line in lines)
    assert {line.split("\t")[0] for line in lines} == set(said("models"))


def test_a_model_is_shown_with_what_serves_it() -> None:
    """By our name or the hub's, and with an entry to begin from."""
    shown = run("models", NAME).stdout
    machine = json.loads(run("models", "Qwen/Qwen2.5-Math-PRM-7B", "--json").stdout)

    assert (
        "vllm serve Qwen/Qwen2.5-Math-PRM-7B --runner pooling --max-model-len 4096 --pooler-config"
        in shown
    )
    assert machine["command"] in shown
    assert f"use: {NAME}" in shown


def test_a_model_that_nothing_serves_says_so() -> None:
    """It has no entry to begin from."""
    name = next(name for name, entry in said("models").items() if entry["server"] == "none")

    shown = run("models", name).stdout

    assert "nothing here can serve it" in shown
    assert "verifiers:" not in shown


def test_a_name_that_is_none_has_the_nearest() -> None:
    """It stops the command."""
    assert f"did you mean `{NAME}`" in problem("models", NAME[:-1])
