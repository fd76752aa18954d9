"""The commands about label models of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands.in_process import SAMPLE, as_npz, problem, run, said
from tests.support.http.canned_server import answering_by_path


def test_a_fit_needs_files_and_a_place_or_a_task(tmp_path: Path) -> None:
    """The message has both ways."""
    file = as_npz(tmp_path / "a.npz")

    for words in (("fit",), ("fit", file), ("fit", "--out", tmp_path / "m.json")):
        assert problem(*words) == (
            "give files of scores and --out FILE, or --task TASK for a running service"
        )


def test_a_task_is_fitted_by_its_service() -> None:
    """No file is read."""
    with answering_by_path({"*": {"version": None, "reason": "too little"}}) as service:
        done = run("fit", "--task", "math", "--url", service.url)

    assert done.stdout == "no new version: too little\n"
    assert service.asked == [("/v1/tasks/math/fit", {})]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("--base-rate", "0.1"), "--base-rate"),
        (("--base-rate", "0"), "--base-rate"),
        (("-o", "m.json"), "--out"),
        (("scores.npz",), "files of scores"),
        (("--labels",), "--labels"),
        (("--families", "auto"), "--families"),
        (("--quality", "{}"), "--quality"),
        (("--borrow", "other.json"), "--borrow"),
        (("--ray", "local"), "--ray"),
        (("--labels", "-o", "m.json"), "--out, --labels"),
    ],
)
def test_what_has_no_effect_on_a_task_is_refused(words: tuple[str, ...], name: str) -> None:
    """With what to do, and the service is not asked."""
    with answering_by_path({"*": {"version": None, "reason": "too little"}}) as service:
        message = problem("fit", *words, "--task", "math", "--url", service.url)

    assert message.startswith(f"{name}: not with --task")
    assert "leave out --task" in message
    assert service.asked == []


def test_a_stated_base_rate_is_the_models(tmp_path: Path) -> None:
    """An option of every command that fits."""
    fitted = said(
        "fit", as_npz(tmp_path / "a.npz"), "-o", tmp_path / "m.json", "--base-rate", "0.3"
    )

    assert fitted["base_rate"]["value"] == pytest.approx(0.3)


@pytest.mark.parametrize("words", [("--base-rate", "1.5"), ("--draws", "0"), ("--labels", "-1")])
def test_numbers_out_of_range_are_refused(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Before the file is read."""
    file = as_npz(tmp_path / "a.npz", labels=SAMPLE.labels)

    assert run("evaluate", file, *words).exit_code == 2
