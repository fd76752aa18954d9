"""The verifiers of a configuration as members of ensembles, and as columns of the aggregator."""

from __future__ import annotations

from collections.abc import Sequence

from assay import aggregation
from assay.aggregation.label_model.families import quality_weights
from assay.service.concurrency.breaker import Breaker
from assay.service.config.model import Config
from assay.service.domain.matrix import CachedColumn
from assay.service.scoring.guard import Guarded
from assay.service.scoring.request import EnsembleMember
from assay.service.scoring.traced import Traced
from assay.service.telemetry.tracing import Tracing
from assay.verifiers import Transport, build, fingerprint


def build_members(
    config: Config, transport: Transport, tracing: Tracing | None
) -> dict[str, EnsembleMember]:
    """Return the configured verifiers by name, each behind its guard."""
    service = config.service
    members: dict[str, EnsembleMember] = {}
    for settings in config.verifiers:
        verifier = build(settings, transport)
        breaker = Breaker(service.breaker_failures, service.breaker_reset_s)
        guarded = (
            Guarded(verifier, breaker) if tracing is None else Traced(verifier, breaker, tracing)
        )
        key = int.from_bytes(fingerprint(settings), "little")
        column = CachedColumn(key, verifier.setwise)
        members[settings.name] = EnsembleMember(guarded, column, verifier.setwise)
    return members


def columns_of(members: Sequence[EnsembleMember]) -> list[aggregation.Column]:
    """Return an ensemble's verifiers for the aggregator, which knows them by fingerprint.

    One that vetoes has no weight in the average beside others: its veto comes on top.
    """
    factors = quality_weights([member.guarded.settings.quality for member in members])
    only_vetoes = all(member.vetoes for member in members)
    return [
        aggregation.Column(
            f"{member.column.fingerprint:016x}",
            member.guarded.settings.family_or_default,
            member.guarded.verifier.bounds,
            weight=(
                0.0
                if member.vetoes and not only_vetoes
                else member.guarded.settings.weight * factor
            ),
            name=member.name,
            only_lowers=member.speaks_of_form,
        )
        for member, factor in zip(members, factors.tolist(), strict=True)
    ]


def measured_costs(members: Sequence[EnsembleMember]) -> list[float] | None:
    """Return the seconds that a candidate takes each verifier; None while one is unknown."""
    seconds = [member.guarded.meter.seconds for member in members]
    measured = [value for value in seconds if value is not None]
    return measured if len(measured) == len(seconds) else None
