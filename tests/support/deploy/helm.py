"""Helm's own library, in a process of its own; prints JSON.

python -m tests.support.deploy.helm lint|template CHART VALUES.json
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.servers.processes import ROOT

CHART = ROOT / "deploy" / "helm" / "assay"


def helm(what: str, values: dict[str, Any], folder: Path) -> Any:
    """Run `helm lint --strict` or `helm template assay` on our chart and return its output.

    Raises: ValueError with its error.
    """
    given = folder / "values.json"
    given.write_text(json.dumps(values))
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.deploy.helm", what, str(CHART), str(given)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ValueError(done.stderr)
    return json.loads(done.stdout)


def main() -> None:
    """Do as the command line says."""
    import helm_python

    what, chart, given = sys.argv[1:]
    values = json.loads(Path(given).read_text())
    if what == "lint":
        print(json.dumps(helm_python.lint(chart, values, strict=True)))
        return
    with helm_python.Chart.load(chart) as loaded:
        loaded.validate_schema(values)
        print(json.dumps(loaded.render(values, name="assay", namespace="ml")))


if __name__ == "__main__":
    main()
