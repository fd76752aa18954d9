"""A copy of each task's served model, on disk beside the store.

The service goes on with it if the store comes back empty.
"""

from __future__ import annotations

from pathlib import Path

import orjson
import structlog

from assay.aggregation.whole_file import read_file, replace_file
from assay.service.domain.learned import SavedVersion
from assay.service.domain.secrets import error_line

log = structlog.get_logger()

#: Far more than the model of 1,000 verifiers and its report.
MAX_BACKUP_BYTES = 64 << 20


class ModelBackup:
    """A file for each task in a folder; a disk that cannot be written costs only the copy."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.expanduser()

    def write(self, task: str, saved: SavedVersion) -> None:
        """Keep a task's served model."""
        content = orjson.dumps(
            {
                "version": saved.version,
                "artifact": saved.artifact.decode(),
                "report": saved.report,
            }
        )
        path = self._folder / f"{task}.json"
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(path, content)
        except OSError as exc:
            log.warning("served_model_not_kept", file=str(path), error=exc.strerror)

    def read(self, task: str) -> SavedVersion | None:
        """Return the version that a task served last; None if none is kept."""
        path = self._folder / f"{task}.json"
        try:
            saved = orjson.loads(read_file(path, MAX_BACKUP_BYTES))
            return SavedVersion(
                int(saved["version"]), saved["artifact"].encode(), dict(saved["report"])
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            log.warning("kept_model_damaged", file=str(path), error=error_line(exc))
            return None
