"""What each trainer's release does with a missing reward, as the documents say.

`make test-clients`, or for the table alone
`ASSAY_CLIENTS_PYTHON=.venv-clients/bin/python python -m pytest -m clients -s -k missing`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clients.test_clients import PYTHON, ran

HERE = Path(__file__).parent
#: What each release did when the documents' table was written.
EXPECTED: dict[str, dict[str, Any]] = json.loads(
    (HERE / "missing.json").read_text(encoding="utf-8")
)
#: Names of functions of gaps.py, and the folders of releases beside the environment's own.
RUNS = {
    "trl": ("trl", ""),
    "trl-1.5": ("trl", "trl-1.5"),
    "verl": ("verl", ""),
    "openrlhf": ("openrlhf", "openrlhf"),
    "rubrics": ("rubric", "rubrics"),
    "its_hub": ("its_hub", ""),
    "openenv": ("openenv", "openenv"),
    "nemo_gym": ("nemo_gym", "nemo_gym"),
}
pytestmark = [pytest.mark.clients, pytest.mark.timeout(300)]


@pytest.mark.parametrize("trainer", RUNS)
def test_a_missing_reward(trainer: str, tmp_path: Path) -> None:
    """Prints what it was fed and what it did; a newer release may only have another version."""
    name, folder = RUNS[trainer]
    place = str(Path(PYTHON).parents[1] / folder) if folder else ""

    outcome = ran(HERE / "gaps.py", name, cwd=tmp_path, env={"PYTHONPATH": place})

    print(json.dumps({trainer: outcome}))
    versions = {"version": outcome.get("version")} if "version" in outcome else {}
    assert outcome == {**EXPECTED[trainer], **versions}


def test_the_older_trl_takes_none_for_0_and_the_newer_leaves_it_out() -> None:
    """Why "skip" is refused before 1.6: of what was recorded."""
    old, new = EXPECTED["trl-1.5"], EXPECTED["trl"]
    assert old["None"] == old["0"]
    assert new["None"]["advantages"][3] == 0.0
    assert new["None"]["logged"] == new["group_mean"]["logged"]
