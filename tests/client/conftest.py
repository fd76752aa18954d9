"""Each test has an environment, a process run and loop clients of its own."""

from __future__ import annotations

import pytest
from assay_client import lone


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ASSAY_TASK", "ASSAY_RUN", "ASSAY_MISSING", "ASSAY_REWARD"):
        monkeypatch.delenv(name, raising=False)
    lone.process_run.cache_clear()
    lone._CLIENTS.clear()
