"""Whether the service can rank: what each verifier, its last calls, the store and the background
loops report.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping
from typing import Any

from assay.service.domain.errors import StoreDownError, StoreRefusedError
from assay.service.runtime.background import Background
from assay.service.runtime.startup_doctor import StartupDoctor
from assay.service.scoring.guard import fit_to_tell
from assay.service.scoring.request import EnsembleMember
from assay.service.scoring.scorer import Scorer
from assay.service.store.client import Store
from assay.verifiers import VerifierError

#: Seconds for which a report is kept, and for which one is after which a call failed.
TTL_S, SOON_S = 2.0, 0.25
CHECK_TIMEOUT_S = 3.0
STATUSES = {True: "ready", False: "not ready"}


class Readiness:
    """Checks verifiers and store when somebody asks, and no more often than every two seconds.

    A check asks little: a server may pass it, and fail each call. So the calls count as well, and a
    call that fails makes another check due.
    """

    def __init__(
        self, scorer: Scorer, store: Store, doctor: StartupDoctor, background: Background
    ) -> None:
        self._scorer, self._store = scorer, store
        self._doctor, self._background = doctor, background
        self._report: tuple[bool, dict[str, Any]] = (False, {})
        self._reported_at = -math.inf

    async def report(self) -> tuple[bool, dict[str, Any]]:
        """Return whether a verifier of the default ensemble answers, and each one's and the
        store's state.
        """
        if time.monotonic() - self._reported_at > self._ttl_s():
            self._report = await self._fresh_report()
            self._reported_at = time.monotonic()
        return self._with_calls(self._report)

    def _ttl_s(self) -> float:
        members = self._scorer.members().values()
        failed = any(member.guarded.failing.failed_since(self._reported_at) for member in members)
        return SOON_S if failed else TTL_S

    def _with_calls(self, report: tuple[bool, dict[str, Any]]) -> tuple[bool, dict[str, Any]]:
        """Return a report in which no verifier whose last calls failed is `ok`."""
        body = report[1]
        states = dict(body["verifiers"])
        for name, member in self._scorer.members().items():
            if states[name] == "ok" and (problem := member.guarded.failing.problem()):
                states[name] = fit_to_tell(problem)
        if states == body["verifiers"]:
            return report
        ready = self._is_ready(states)
        return ready, {**body, "status": STATUSES[ready], "verifiers": states}

    def _is_ready(self, states: Mapping[str, str]) -> bool:
        default = next(iter(self._scorer.ensembles.values()))
        return any(states[member.name] == "ok" for member in default)

    async def _fresh_report(self) -> tuple[bool, dict[str, Any]]:
        members = self._scorer.members()
        problems = await asyncio.gather(*(_problem(member) for member in members.values()))
        states = {name: problem or "ok" for name, problem in zip(members, problems, strict=True)}
        ready = self._is_ready(states)
        store, reason, loss = await self._store_state()
        return ready, {
            "status": STATUSES[ready],
            "verifiers": states,
            "store": store,
            "store_reason": reason,
            "store_loss": loss,
            "doctor": await self._doctor.results(),
            "background": dict(self._background.failing),
        }

    async def _store_state(self) -> tuple[str, str | None, str | None]:
        """Return `ok`, `down` or `refuses`, the reason, and the losses.

        Rankings go on without the store, so it makes no replica unready.
        """
        try:
            loss = await self._store.loss()
            await self._store.probe()
        except StoreDownError as exc:
            return "down", exc.reason, None
        except StoreRefusedError as exc:
            return "refuses", exc.reason, loss
        return "ok", None, loss


async def _problem(member: EnsembleMember) -> str | None:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await member.guarded.verifier.check()
    except TimeoutError:
        return "timeout"
    except VerifierError as exc:
        return f"{exc.reason}: {exc}"
    return None
