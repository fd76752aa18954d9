"""Kinds that other packages bring: one `pip install` away, and unable to stop the service."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.verifiers import KINDS, fingerprint

PLUGIN = '''
from typing import Literal
from assay.verifiers import Kind, Verdict, VerifierSettings
from assay.verifiers.checks.base import LocalVerifier

class Settings(VerifierSettings):
    """Mine."""
    kind: Literal["shouting"] = "shouting"
    loud: bool = True

class Shouting(LocalVerifier):
    """The share of capitals."""
    def _score_one(self, pair):
        return Verdict(sum(c.isupper() for c in pair.candidate) / max(1, len(pair.candidate)))

KIND = Kind(Settings, lambda settings, transport: Shouting(settings))
BROKEN = 7
'''


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with an installed package that brings a kind, one that is broken, and one whose
    name is taken.
    """
    (tmp_path / "shouting.py").write_text(PLUGIN)
    info = tmp_path / "shouting-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n")
    points = "shouting = shouting:KIND\nbroken = shouting:BROKEN\nabsent = no_such_module:KIND\njudge = shouting:KIND\n"
    (info / "entry_points.txt").write_text(f"[assay.verifiers]\n{points}")
    return tmp_path


def assay(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command where the package is installed."""
    environment = {**os.environ, "PYTHONPATH": f"{Path(__file__).parents[2]}:{folder}"}
    return subprocess.run(
        [sys.executable, "-m", "assay.service", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_installed_kind_is_configured_and_used_like_our_own(installed: Path) -> None:
    """Its fields are its YAML keys."""
    config = installed / "mine.yaml"
    config.write_text("verifiers: [{name: caps, kind: shouting, loud: false}]")
    (installed / "in.jsonl").write_text(
        '{"query": "q", "candidates": ["quiet", "LOUD"], "explain": true}\n'
    )

    right = assay(installed, "config", "check", str(config))
    ranked = assay(
        installed,
        "rank",
        "in.jsonl",
        "-o",
        "out.jsonl",
        "--config",
        str(config),
        "--data-dir",
        "data",
    )
    config.write_text("verifiers: [{name: caps, kind: shouting, lod: false}]")
    wrong = assay(installed, "config", "check", str(config))

    assert right.returncode == 0, right.stderr
    assert ranked.returncode == 0, ranked.stderr
    assert '"raw":1.0' in (installed / "out.jsonl").read_text()
    assert "did you mean `loud`" in wrong.stderr


@pytest.mark.parametrize(
    ("kind", "why"),
    [("broken", "must be a `assay.verifiers.Kind"), ("absent", "ModuleNotFoundError")],
)
def test_one_that_cannot_be_loaded_says_so_where_it_is_used(
    installed: Path, kind: str, why: str
) -> None:
    """And nowhere else: the others go on."""
    config = installed / "mine.yaml"
    config.write_text(f"verifiers: [{{name: v, kind: {kind}}}]")

    done = assay(installed, "config", "check", str(config))

    assert done.returncode == 1
    assert f"{why}" in done.stderr
    assert "installed but cannot be loaded" in done.stderr


def test_one_does_not_take_the_name_of_one_of_ours(installed: Path) -> None:
    """A package cannot replace the judge."""
    code = "import assay.service.config.model; from assay import verifiers; print(verifiers.KINDS['judge'].settings.__name__, verifiers.BROKEN['judge'])"
    environment = {**os.environ, "PYTHONPATH": f"{Path(__file__).parents[2]}:{installed}"}

    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("JudgeSettings")
    assert "a kind of that name exists already" in done.stdout


def test_a_fingerprint_follows_what_determines_a_score() -> None:
    """Model, revision, prompt, parameters; not the name, the place, the limits, the family, the
    cost.
    """
    make = KINDS["judge"].settings
    base: dict[str, Any] = {"name": "a", "kind": "judge", "model": "m", "endpoint": "http://x:1"}
    same: list[dict[str, Any]] = [
        {"name": "b"},
        {"endpoint": "http://y:2"},
        {"timeout_s": 3},
        {"cost": 7},
        {"family": "f"},
        {"weight": 2},
        {"retries": 0},
    ]
    other: list[dict[str, Any]] = [
        {"model": "n"},
        {"revision": "2"},
        {"yes": ["True"]},
        {"max_chars": 9},
        {"prompt": "{query}{candidate}"},
    ]

    assert {fingerprint(make(**base | change)) for change in same} == {fingerprint(make(**base))}
    assert len({fingerprint(make(**base | change)) for change in [*other, {}]}) == len(other) + 1
