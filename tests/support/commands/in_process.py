"""Running the `assay` command in the test's own process, and files for it to read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from typer.testing import CliRunner, Result

from assay.service.cli.main import app
from assay.service.domain.errors import StartupError
from tests.support.samples.ensembles import small
from tests.support.samples.synthetic import Sample

SAMPLE = small(queries=80)


class Recorder:
    """Keeps the arguments of its calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __call__(self, *arguments: Any) -> None:
        """Keep a call."""
        self.calls.append(arguments)


def run(*words: str | Path, content: str | None = None) -> Result:
    """Run the command in this process; `content`: its standard input."""
    try:
        return CliRunner().invoke(app, [str(word) for word in words], content)
    finally:  # a command that logs leaves the log its own streams, which are closed now
        structlog.reset_defaults()


def said(*words: str | Path) -> Any:
    """Return the command's JSON."""
    result = run(*words, "--json")
    assert result.exit_code == 0, result.exception or result.output
    return json.loads(result.stdout)


def problem(*words: str | Path) -> str:
    """Return the message that stops the command."""
    result = run(*words)
    assert isinstance(result.exception, StartupError), result.output
    return str(result.exception)


def as_npz(path: Path, sample: Sample = SAMPLE, **more: Any) -> Path:
    """Write a sample as npz."""
    content = {
        "scores": sample.scores,
        "query_id": sample.query_id,
        "verifier_names": np.array(sample.names),
        **more,
    }
    np.savez(path, **content)
    return path


def rows_of(sample: Sample) -> list[dict[str, Any]]:
    """Return a sample as rows of plain data."""
    return [
        {
            "query_id": int(query),
            "scores": {
                name: None if np.isnan(value) else float(value)
                for name, value in zip(sample.names, values, strict=True)
            },
            "labels": int(label),
        }
        for query, values, label in zip(sample.query_id, sample.scores, sample.labels, strict=True)
    ]
