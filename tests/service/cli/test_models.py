"""`assay models`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.servers.processes import assay


def test_models_are_listed_one_a_line_where_nobody_looks(tmp_path: Path) -> None:
    """Unwrapped, with the name to serve each by."""
    listed = assay("models", cwd=tmp_path)
    one = assay("models", "qwen2.5-math-prm-7b", cwd=tmp_path)
    unknown = assay("models", "qwen2.5-math-prm-7", cwd=tmp_path)
    machine = json.loads(assay("models", "Qwen/Qwen2.5-Math-PRM-7B", "--json", cwd=tmp_path).stdout)

    lines = listed.stdout.splitlines()
    assert len(lines) > 50
    assert all(line.count("\t") == 6 for line in lines)
    assert (
        "vllm serve Qwen/Qwen2.5-Math-PRM-7B --runner pooling --max-model-len 4096 --pooler-config"
        in one.stdout
    )
    assert unknown.returncode == 2
    assert "did you mean `qwen2.5-math-prm-7b`" in unknown.stderr
    assert machine["command"] in one.stdout
