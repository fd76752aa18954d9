"""The places of data in the store, and its conditions: a known schema, and no eviction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from assay.service.domain.errors import StartupError

log = structlog.get_logger()

#: Everything is kept below this prefix; its number is the schema's version.
SCHEMA = 1
STORE_PREFIX = f"assay:{SCHEMA}:"
SCHEMA_KEY, GENERATION_KEY = "assay:schema", f"{STORE_PREFIX}generation"
#: The channel that announces another served version.
NEWS = f"{STORE_PREFIX}news"
#: Damaged values that processes without metrics found.
UNCOUNTED_KEY = f"{STORE_PREFIX}uncounted"
#: The key of the store's known losses, a sentence for a person that is kept for a week.
LOSS_KEY, LOSS_KEPT_S = f"{STORE_PREFIX}loss", 7 * 86_400
#: Written to see whether writes are taken; it stays no longer than a minute.
PROBE_KEY, PROBE_MS = f"{STORE_PREFIX}probe", 60_000
#: The keys of scores begin so; the names of pairs and sets follow.
SCORE_PREFIX = f"{STORE_PREFIX}score:"


def task_key(task: str, part: str) -> str:
    """Return the key of a part of a task; the hash tag puts all of a task in one cluster slot."""
    return f"{STORE_PREFIX}{part}:{{{task}}}"


def damaged_key(task: str, part: str | None = None) -> str:
    """Return the key of a task's damaged values: of one part, or of all hashes."""
    return task_key(task, "damaged" if part is None else f"damaged:{part}")


def doctor_key(start: str) -> str:
    """Return the key of the doctor's result for one start of the service."""
    return f"{STORE_PREFIX}doctor:{start}"


def counter_key(name: str) -> str:
    """Return the key of a limit's counter."""
    return f"{STORE_PREFIX}{name}"


class SchemaError(StartupError):
    """The store was written by a newer Assay."""


class EvictionError(StartupError):
    """The store would drop learned data when it is full."""


def check_schema(stored: bytes | None) -> bool:
    """Return whether a store notes a schema that we know; raise `SchemaError` for a newer one."""
    if stored is None:
        return False
    if not stored.isdigit():
        log.error("store_schema_damaged", found=str(stored[:80]))
        return False
    if int(stored) > SCHEMA:
        raise SchemaError(
            f"the store has schema {int(stored)}, and this version of Assay knows {SCHEMA}:"
            " upgrade Assay"
        )
    return True


def check_eviction(servers: Sequence[Mapping[str, Any]]) -> None:
    """Raise `EvictionError` if a full server would drop learned data.

    Only scores have a time to live.
    """
    for server in servers:
        policy = str(server.get("maxmemory_policy", ""))
        if int(server.get("maxmemory", 0)) and policy.startswith("allkeys"):
            raise EvictionError(
                f"the store has maxmemory-policy {policy}: when it is full, it would drop labels"
                " and models. Set it to volatile-lru (which evicts scores first and labels never):"
                " CONFIG SET maxmemory-policy volatile-lru"
            )
        if int(server.get("maxmemory", 0)) and policy == "noeviction":
            log.warning(
                "store_refuses_when_full",
                maxmemory_policy=policy,
                hint="set volatile-lru, so that old scores make room",
            )
