"""Rows of a benchmark: a JSON line each, on the output and in a file of $OUT."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def record(name: str, row: dict[str, Any]) -> None:
    """Print a row; append it to $OUT/NAME.jsonl where the environment has OUT."""
    line = json.dumps(row)
    if folder := os.environ.get("OUT"):
        with (Path(folder) / f"{name}.jsonl").open("a") as out:
            out.write(line + "\n")
    print(line, flush=True)
