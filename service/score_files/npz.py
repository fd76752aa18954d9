"""Scores in npz archives."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import numpy as np

from assay.service.score_files.packed import look_into
from assay.service.score_files.score_table import RESERVED, TableError


def read_npz(path: Path, labels: bool) -> dict[str, Any]:
    """Return the arrays of an npz archive; labels only if asked."""
    if path.exists() and not is_zipfile(path):
        raise TableError(f"{path}: not an npz archive")
    hidden = set() if labels else {"labels", "label", "label_random", "random"}
    wanted = (RESERVED | {"random"}) - hidden
    look_into(path, wanted)
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        data = {name: archive[name] for name in archive.files if name in wanted}
    for name in ("scores", "verifier_names"):
        if name not in data:
            raise TableError(
                f"{path}: has no `{name}`; an npz needs scores, query_id and verifier_names"
            )
    return data
