"""Files that the chart shares with other deployments."""

from __future__ import annotations

from pathlib import Path

FILES = Path(__file__).parents[2] / "deploy" / "helm" / "assay" / "files"


def test_the_chart_links_to_the_rules_and_the_dashboard() -> None:
    """A copy would drift from what the other deployments use."""
    files = sorted(FILES.iterdir())

    assert [file.name for file in files] == ["alerts.yaml", "assay.json"]
    assert all(file.is_symlink() and file.exists() for file in files)
