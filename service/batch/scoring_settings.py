"""What a configuration says that determines results, as hashes: verifiers, ensembles, tasks."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from assay.service.config.model import Config, TaskSettings
from assay.service.learning.tasks.task import Task
from assay.service.runtime.engine import Engine
from assay.verifiers import VerifierSettings, fingerprint

#: Settings of a task that determine what is kept to learn from, and none of its results.
KEPT_TO_LEARN = frozenset({"learn", "keep", "versions", "keep_mb", "sample", "store_text"})
#: Those of a verifier that are no part of its fingerprint, and count in the combination.
COMBINED_BY = frozenset({"name", "family", "cost", "weight", "about", "quality"})


def settings_by_place(config: Config) -> dict[str, str]:
    """Return a hash of each part of a configuration that determines results, by its place in it."""
    places = {f"verifiers.{verifier.name}": _of_verifier(verifier) for verifier in config.verifiers}
    places |= {f"ensembles.{name}": _hash(members) for name, members in config.ensembles.items()}
    places |= {f"tasks.{name}": _of_task(settings) for name, settings in config.tasks.items()}
    return {**places, "uncalibrated": _hash(config.service.uncalibrated)}


def ensemble_hash(engine: Engine, task: Task) -> str:
    """Return what changes with anything but the request that determines a task's answers."""
    config = engine.config
    places = settings_by_place(config)
    members = config.ensembles[task.ensemble]
    names = ["uncalibrated", f"tasks.{task.name}", f"ensembles.{task.ensemble}"]
    names += [f"verifiers.{member}" for member in members]
    saved = task.served.saved
    served = None if saved is None else [saved.version, _content_hash(saved.artifact)]
    return _hash([*((name, places[name]) for name in names), task.served.model_version, served])


def _of_verifier(verifier: VerifierSettings) -> str:
    counts = verifier.model_dump(mode="json", include=set(COMBINED_BY))
    return _hash([fingerprint(verifier).hex(), counts])


def _of_task(settings: TaskSettings) -> str:
    counts = settings.model_dump(mode="json", exclude={*KEPT_TO_LEARN, "model", "rewards"})
    return _hash([counts, None if settings.model is None else _of_file(settings.model)])


def _of_file(path: Path) -> str | None:
    """Return a hash of a model's file, which the configuration has read already."""
    return _content_hash(path.read_bytes()) if path.is_file() else None


def _content_hash(content: bytes) -> str:
    return blake2b(content, digest_size=8).hexdigest()


def _hash(value: Any) -> str:
    return _content_hash(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))
