"""Builds the parts of a service from its configuration, and connects them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assay.service.concurrency.token_admission import TokenAdmission
from assay.service.config.model import Config
from assay.service.domain.principal import add_cost
from assay.service.learning.drift_monitor import DriftMonitor
from assay.service.learning.fit_scheduler import FitScheduler
from assay.service.learning.model_backup import ModelBackup
from assay.service.learning.runs.pins import RunPins
from assay.service.learning.runs.run_watch import RunWatch
from assay.service.learning.tasks.registry import Tasks
from assay.service.learning.write_behind import Writer
from assay.service.runtime.backpressure import Backpressure
from assay.service.runtime.configured_tasks import build_tasks
from assay.service.runtime.engine import Engine
from assay.service.runtime.ensembles import build_members
from assay.service.runtime.parts import LearningParts, Resources, ScoringParts
from assay.service.runtime.readiness import Readiness
from assay.service.runtime.startup_doctor import StartupDoctor
from assay.service.scoring.generator import Generator
from assay.service.scoring.request import EnsembleMember
from assay.service.scoring.scorer import Scorer
from assay.service.store.rate_limiter import RateLimiter
from assay.service.store.score_cache import ScoreCache
from assay.verifiers.checks.consensus import Consensus, ConsensusSettings


def wire(config: Config, resources: Resources, serving: bool, start: str) -> Engine:
    """Return a service's parts on open resources; nothing runs yet. `start` names the start that
    workers share.
    """
    members = build_members(config, resources.transport, resources.tracing)
    ensembles = {
        name: [members[member] for member in listed] for name, listed in config.ensembles.items()
    }
    cache = ScoreCache(resources.store, config.service.cache_ttl_s)
    learning = _learning(config, resources, ensembles, cache)
    scoring = _scoring(config, resources, members, ensembles, cache, learning, serving)
    verifiers = [member.guarded.verifier for member in members.values()]
    doctor = StartupDoctor(verifiers, resources.store, config.service.doctor, start)
    return Engine(
        config=config,
        resources=resources,
        scoring=scoring,
        learning=learning,
        rate_limiter=RateLimiter(resources.store),
        doctor=doctor,
        readiness=Readiness(scoring.scorer, resources.store, doctor, resources.background),
    )


def _learning(
    config: Config,
    resources: Resources,
    ensembles: Mapping[str, Sequence[EnsembleMember]],
    cache: ScoreCache,
) -> LearningParts:
    backup = ModelBackup(config.service.data_dir / "served")
    configured = build_tasks(config, ensembles, resources.store)
    tasks = Tasks(resources.store, configured, backup, resources.metrics)
    return LearningParts(
        tasks=tasks,
        writer=Writer(cache, tasks, resources.metrics),
        fit_scheduler=FitScheduler(tasks),
        drift_monitor=DriftMonitor(resources.metrics),
        run_pins=RunPins(resources.store),
        run_watch=RunWatch(tasks, resources.metrics),
    )


def _scoring(
    config: Config,
    resources: Resources,
    members: Mapping[str, EnsembleMember],
    ensembles: dict[str, list[EnsembleMember]],
    cache: ScoreCache,
    learning: LearningParts,
    serving: bool,
) -> ScoringParts:
    settings = config.service
    scorer = Scorer(
        ensembles,
        cache,
        learning.tasks,
        learning.writer,
        resources.metrics,
        # Bulk work has its own bounds, and no client that could react to a refusal.
        TokenAdmission(settings.max_active_tokens if serving else None),
        # Tasks learn from bulk jobs, whose scores must be the same in each run, so they are scored
        # in full.
        cascades=serving,
        per_task_cache=any(key.tasks is not None for key in settings.keys),
        charge=add_cost,
    )
    generators = {
        upstream.name: Generator(upstream, resources.transport) for upstream in config.upstreams
    }
    return ScoringParts(
        scorer=scorer,
        generators=generators,
        answers=Consensus(ConsensusSettings(name="answers")),
        backpressure=Backpressure(member.guarded.verifier for member in members.values()),
    )
