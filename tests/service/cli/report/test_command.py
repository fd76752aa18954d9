"""`assay report`."""

from __future__ import annotations

import pytest

from assay.service.cli.console import Console
from assay.service.cli.report import command as report_command
from tests.support.commands.terminals import HOSTILE, harmless


def test_a_report_does_not_write_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Its sentences and its table."""
    row = {
        "name": HOSTILE,
        "family": HOSTILE,
        "weight": 0.5,
        "coverage": 1.0,
        "agreement_with_model": 0.7,
        "measured_auc": None,
        "cost_share": 1.0,
        "loss_without": None,
    }
    console = Console(highlight=False)

    console.print(report_command._table({"verifiers": [row]}))

    assert harmless(capsys.readouterr().out.replace("\n", ""))
