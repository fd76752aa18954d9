"""The doctor at a service's start: once for all workers that share a store, in the background,
its result in `/readyz`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence

import orjson
import structlog

from assay.service.domain.errors import StoreError
from assay.service.domain.secrets import error_line
from assay.service.store.client import Store
from assay.service.store.schema import doctor_key
from assay.verifiers import Grade, Verifier
from assay.verifiers.doctor.examine import Report, examine

log = structlog.get_logger()

KEPT_S = 86_400


class StartupDoctor:
    """The doctor's result of each verifier, by name; None until it is complete."""

    def __init__(self, verifiers: Sequence[Verifier], store: Store, how: str, start: str) -> None:
        self._verifiers, self._store, self._how = verifiers, store, how
        # `start` names this start of the service, so each looks anew: the servers may have been put
        # right meanwhile.
        self._key = doctor_key(start)
        self._results: Mapping[str, str] | None = None

    async def results(self) -> Mapping[str, str] | None:
        """Return each verifier's result: `ok`, `warning`, or `failed: reason`.

        None before the result, or without a doctor.
        """
        if self._results is None and self._how != "off":
            try:
                raw = await self._store.call(lambda: self._store.redis.get(self._key))
            except StoreError:
                return None
            self._results = _read(raw) if raw else None
        return self._results

    async def run(self) -> None:
        """Examine all verifiers, unless another worker of this start does."""
        if self._how == "off" or not await self._first():
            return
        reports = await asyncio.gather(
            *(examine(verifier, quick=self._how == "quick") for verifier in self._verifiers)
        )
        for report in reports:
            _log_report(report)
        self._results = {report.verifier: findings_summary(report) for report in reports}
        try:
            await self._store.call(
                lambda: self._store.redis.set(self._key, orjson.dumps(self._results), ex=KEPT_S)
            )
        except StoreError as exc:
            log.warning("doctor_not_stored", error=error_line(exc))

    async def _first(self) -> bool:
        try:
            return bool(
                await self._store.call(
                    lambda: self._store.redis.set(f"{self._key}:lease", os.getpid(), nx=True, ex=60)
                )
            )
        except StoreError:
            return True  # each worker for itself, then


def _read(raw: bytes) -> Mapping[str, str] | None:
    """Return the stored value; None for a damaged one."""
    try:
        results = orjson.loads(raw)
    except ValueError:
        return None
    return (
        {str(name): str(result) for name, result in results.items()}
        if isinstance(results, dict)
        else None
    )


def findings_summary(report: Report) -> str:
    """Return a report as one word, or its first failure."""
    failure = next((finding for finding in report.findings if finding.grade is Grade.FAILED), None)
    return report.grade.value if failure is None else f"failed: {failure.check}: {failure.seen}"


def _log_report(report: Report) -> None:
    for finding in report.findings:
        if finding.grade is Grade.FAILED:
            log.warning(
                "verifier_served_wrongly",
                verifier=report.verifier,
                check=finding.check,
                seen=finding.seen,
                advice=finding.advice,
            )
    auc = round(report.auc.value, 3) if report.auc else None
    log.info(
        "verifier_examined",
        verifier=report.verifier,
        result=report.grade.value,
        auc=auc,
        latency_ms=report.latency_ms,
    )
