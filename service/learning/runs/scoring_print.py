"""A short print of an ensemble at a version: the same for the same scores of the same candidate."""

from __future__ import annotations

from hashlib import blake2b

from assay.service.learning.tasks.served_version import ServedVersion
from assay.service.learning.tasks.task import Task

PRINT_BYTES = 4


def scoring_print(task: Task, version: ServedVersion | None) -> str:
    """Return the print: the verifiers, and with a model that is stated, not fitted, all of it.

    Without a `version` it is of all that the configuration states, whatever is fitted.
    """
    columns = [(column.name, column.key) for column in task.spec.columns]
    parts: list[object] = [task.ensemble, columns]
    if version is None or not version.version:
        stated = [(column.family, column.weight, column.bounds) for column in task.spec.columns]
        served = task.served
        from_file = served.model_version if not (served.version or served.cold) else ""
        parts += [from_file, task.spec.base_rate, stated]
    return blake2b(repr(parts).encode(), digest_size=PRINT_BYTES).hexdigest()
