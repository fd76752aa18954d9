"""Label models that a configuration names: loaded, and fit for their tasks."""

from __future__ import annotations

from assay.aggregation import LabelModel
from assay.aggregation.label_model.saved.artifact import ArtifactError, load_model
from assay.service.config.model import Config
from assay.service.config.problems import ConfigError


def load_models(config: Config) -> dict[str, LabelModel]:
    """Return the models of the tasks that name one.

    Raises `ConfigError` for a file that is damaged, or does not know a verifier.
    """
    models, problems = {}, []
    for name, task in config.tasks.items():
        if task.model is None:
            continue
        try:
            model = load_model(task.model)
            model.for_verifiers(
                [verifier.name for verifier in config.members(config.ensemble_of(name))]
            )
        except ArtifactError as exc:
            problems.append(
                f"tasks.{name}.model: {exc}; make one with: assay fit SCORES -o {task.model}"
            )
        except ValueError as exc:
            problems.append(
                f"tasks.{name}.model: {task.model}: {exc}; fit it with them, or take them out of"
                " the ensemble"
            )
        else:
            models[name] = model if task.base_rate is None else model.with_base_rate(task.base_rate)
    if problems:
        raise ConfigError(problems)
    return models
