"""The tasks of a configuration, as the service starts with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from assay import aggregation
from assay.service.config.model import Config
from assay.service.learning.configured_models import load_models
from assay.service.learning.tasks.spec import TaskSpec
from assay.service.learning.tasks.task import Task
from assay.service.runtime.ensembles import columns_of, measured_costs
from assay.service.scoring.cascade_policy import CascadePolicy
from assay.service.scoring.request import EnsembleMember
from assay.service.store.client import Store
from assay.service.store.embedded_valkey import EmbeddedStore
from assay.service.store.task_store import TaskStore


def build_tasks(
    config: Config, ensembles: Mapping[str, Sequence[EnsembleMember]], store: Store
) -> list[Task]:
    """Return a task for each that is configured, with its model if the configuration names one."""
    models = load_models(config)
    return [_task(config, name, ensembles, models.get(name), store) for name in config.tasks]


def _task(
    config: Config,
    name: str,
    ensembles: Mapping[str, Sequence[EnsembleMember]],
    model: aggregation.LabelModel | None,
    store: Store,
) -> Task:
    ensemble, settings = config.ensemble_of(name), config.tasks[name]
    families = config.families_of(name)
    columns = tuple(
        replace(column, family=families.get(column.name, column.family))
        for column in columns_of(ensembles[ensemble])
    )
    quality = {
        member.name: member.quality
        for member in config.members(ensemble)
        if member.quality is not None
    }
    spec = TaskSpec(
        name=name,
        ensemble=ensemble,
        columns=columns,
        base_rate=settings.base_rate,
        quality=dict(quality),
        families=families,
        costs=tuple(member.cost for member in config.members(ensemble)),
        keep=settings.keep,
        keep_bytes=_bytes_kept(config, settings.keep_mb),
        versions=settings.versions,
        sample=settings.sample,
        store_text=settings.store_text,
        run_ttl_s=settings.rewards.run_days * 86_400.0,
    )
    cascade_policy = CascadePolicy(
        policy=settings.policy,
        price=settings.price,
        wanted_loss=settings.loss,
        groups=config.tiers_of(name),
        costs=spec.costs,
        early=settings.early,
    )
    if settings.costs == "measured":
        cascade_policy.measured = lambda: measured_costs(ensembles[ensemble])
    task_store = TaskStore(store, name)
    task = Task(spec, task_store if settings.learn else None, cascade_policy, run_store=task_store)
    if model is not None:
        task.serve_model(aggregation.ServedModel(model, columns))
    return task


def _bytes_kept(config: Config, keep_mb: int) -> int:
    """Return the bytes for a task's requests.

    All tasks together take at most half of an embedded store's memory.
    """
    settings = config.service
    own = EmbeddedStore(settings.data_dir / "store", settings.cache_max_mb)
    if settings.redis_url not in (None, own.url):
        return keep_mb << 20
    return min(keep_mb << 20, (settings.cache_max_mb << 20) // (2 * len(config.tasks)))
