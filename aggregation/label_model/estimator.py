"""The usual parts of a model in a notebook: parameters, a file, a line and a table."""

from __future__ import annotations

import importlib
import inspect
import reprlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from assay.aggregation.label_model.fitted import FittedModel
from assay.aggregation.label_model.saved.serialization import restore_from, save
from assay.aggregation.label_model.summaries.summary_table import summary_of

ModelT = TypeVar("ModelT", bound=FittedModel)


def checked_lenders(borrow: Iterable[ModelT]) -> tuple[ModelT, ...]:
    """Return the models to borrow from; raise `ValueError` for anything else."""
    if not isinstance(borrow, Iterable):
        raise ValueError(f"borrow: must be a list of models, not {reprlib.repr(borrow)}")
    models = tuple(borrow)
    for place, model in enumerate(models):
        if not isinstance(model, FittedModel):
            raise ValueError(f"borrow: entry {place} is no model: {reprlib.repr(model)}")
    return models


def require_fitted(models: Sequence[FittedModel]) -> None:
    """Raise `ValueError` if one of the models to borrow from has learned nothing yet."""
    for place, model in enumerate(models):
        if not model.is_fitted:
            raise ValueError(f"borrow: model {place} was not fitted yet: call its fit first")


class Estimator(FittedModel):
    """A fitted model with scikit-learn's manners.

    A subclass keeps each argument of its `__init__` in an attribute of the same name, and can be
    made without any.
    """

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        """Return the parameters of `__init__` with their defaults."""
        parameters = inspect.signature(cls).parameters
        return {name: parameter.default for name, parameter in parameters.items()}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's arguments by name.

        `deep` is scikit-learn's, and changes nothing here.
        """
        return {name: getattr(self, name) for name in self._defaults()}

    def set_params(self, **params: Any) -> Self:
        """Set constructor arguments for the next fit and return the model.

        Raises `ValueError` for an unknown name or an invalid value.
        """
        valid = self.get_params()
        if unknown := [name for name in params if name not in valid]:
            raise ValueError(
                f"no parameter has the name {', '.join(unknown)}; the parameters are:"
                f" {', '.join(valid)}"
            )
        checked = type(self)(**(valid | params))
        for name in valid:
            setattr(self, name, getattr(checked, name))
        return self

    def __sklearn_clone__(self) -> Self:
        """Return an unfitted model with the same parameters, for scikit-learn's `clone`.

        scikit-learn's own way would copy the models in a parameter without what they learned.
        """
        return type(self)(**self.get_params())

    def __sklearn_is_fitted__(self) -> bool:
        """Return whether the model is fitted, for scikit-learn's `check_is_fitted`."""
        return self.is_fitted

    def __sklearn_tags__(self) -> Any:
        """Return the model's traits in scikit-learn's own form; only scikit-learn calls this."""
        utils = importlib.import_module("sklearn.utils")
        return utils.Tags(
            estimator_type=None,
            target_tags=utils.TargetTags(required=False),
            input_tags=utils.InputTags(allow_nan=True),
        )

    def save(self, path: str | Path) -> None:
        """Write the learned values into a JSON file; if this fails, an older one stays whole.

        Links are followed, and the older file's permissions stay. Of the parameters it saves a
        stated base rate only: the others matter to `fit` alone. Raises `OSError`.
        """
        self.require_fitted()
        save(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Return the model in a file.

        Raises `ArtifactError`, a `ValueError` that names the file, if it is missing or
        damaged.
        """
        return restore_from(cls(), Path(path))

    def summary(self) -> str:
        """Return a text table: calibration, base rate, then each verifier's weight and measures."""
        self.require_fitted()
        return summary_of(self)

    def __repr__(self) -> str:
        defaults = self._defaults()
        parts = [
            f"{name}={reprlib.repr(value)}"
            for name, value in self.get_params().items()
            if value != defaults[name]
        ]
        if self.is_fitted:
            parts.append(
                f"fitted on {self.rows_} rows of {self.queries_} queries:"
                f" {len(self.names_)} verifiers, {self.counts_.labels} labels"
            )
        return f"{type(self).__name__}({', '.join(parts)})"
