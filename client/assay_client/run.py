"""A training run: its name, and the one version of each task whose rewards it takes."""

from __future__ import annotations

import logging
import os
import re
import uuid
from collections.abc import Iterable
from threading import Lock

from .errors import VersionChangedError

#: What a header can carry, and the service takes.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+-]{0,127}")
RUN_HEADER = "x-assay-run"
VERSION_HEADER = "x-assay-model-version"

log = logging.getLogger("assay_client")
#: One for all runs: a run is pickled, and a lock cannot be.
_COUNTING = Lock()


class Run:
    """The name that goes with each request, so that the service keeps one version for it.

    `name` defaults to ASSAY_RUN, else a new one; a copy that pickle makes for a worker has the
    same. Processes that are started apart share a version only if they share a name: set
    ASSAY_RUN. Raises `ValueError` for a name that no header can carry.
    """

    def __init__(self, name: str | None = None) -> None:
        self.name = name or os.environ.get("ASSAY_RUN") or f"run-{uuid.uuid4().hex[:12]}"
        if not NAME.fullmatch(self.name):
            raise ValueError(
                "run: must be 1 to 128 letters, digits or ._:@+- and begin with a letter or a"
                f" digit (got {self.name!r})"
            )
        #: The version of each task that the first answer had.
        self.versions: dict[str, str] = {}
        #: How many answers had a warning of each code, such as `partial`, and the newest of each.
        self.warned: dict[str, int] = {}
        self.warnings: dict[str, str] = {}

    @property
    def version(self) -> str | None:
        """Return the version of the run's rewards: None before the first, of several tasks all."""
        return ", ".join(sorted(set(self.versions.values()))) or None

    def take(self, task: str, version: str) -> None:
        """Note an answer's version; raise `VersionChangedError` if it is not the run's."""
        first = self.versions.setdefault(task, version)  # atomic: threads share a run
        if version != first:
            raise VersionChangedError(
                f"the run {self.name!r} began with version {first!r} of task {task!r}, and an"
                f" answer has {version!r}: rewards of two versions do not compare. Promote"
                f" {first!r} again, or begin a run of another name.",
                param="run",
            )

    def note(self, warnings: Iterable[str]) -> None:
        """Count an answer's warnings by their code, and log the 1st, 2nd, 4th, 8th … of each.

        `partial`: a verifier failed, so rewards differ from those with it; `over_optimisation`;
        `no_reward`; and others of the service's documentation.
        """
        newest = {warning.partition(":")[0][:64]: warning for warning in warnings}
        for code, warning in newest.items():
            with _COUNTING:
                count = self.warned[code] = self.warned.get(code, 0) + 1
                self.warnings[code] = warning
            if count & (count - 1) == 0:
                log.warning("run %s, answer %d with this warning: %s", self.name, count, warning)


def run_of(run: str | Run | None) -> Run:
    """Return a run by its name, a run as it is, or a new one."""
    return run if isinstance(run, Run) else Run(run)
