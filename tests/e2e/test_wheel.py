"""What is installed: nothing at the top but `assay`, with its data files."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.processes import ROOT

pytestmark = pytest.mark.slow
#: One data file of each sort.
SUFFIXES = {
    "service/config/ensembles": ".yaml",
    "service/cli/demo_data": "",
    "service/planning": ".yaml",
    "verifiers/catalog": ".yaml",
    "verifiers/safety/sealed": ".py",
}


def test_the_wheel_puts_one_package_at_the_top(tmp_path: Path) -> None:
    """So no other distribution's `service`, `verifiers` or `aggregation` breaks ours."""
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, ROOT],
        check=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()

    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"assay"}
    for folder, suffix in SUFFIXES.items():
        assert any(n.startswith(f"assay/{folder}/") and n.endswith(suffix) for n in names), folder
