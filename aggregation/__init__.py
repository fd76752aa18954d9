"""Combining raw scores into one log-odds a candidate: numbers in, numbers out."""

from assay.aggregation.averages.robust_average import RobustAverage
from assay.aggregation.label_model.hyperparameters import (
    DEFAULT_HYPERPARAMETERS,
    ORIGINAL_HYPERPARAMETERS,
    Hyperparameters,
)
from assay.aggregation.label_model.labelled_head import OneClassError
from assay.aggregation.label_model.model import LabelModel
from assay.aggregation.label_model.served import ServedModel
from assay.aggregation.matrix import Aggregator, Column, Combined, Floats, NotFittedError
from assay.aggregation.ranking import order, rank
from assay.aggregation.statistics.shard import Shard

__all__ = [
    "DEFAULT_HYPERPARAMETERS",
    "ORIGINAL_HYPERPARAMETERS",
    "Aggregator",
    "Column",
    "Combined",
    "Floats",
    "Hyperparameters",
    "LabelModel",
    "NotFittedError",
    "OneClassError",
    "RobustAverage",
    "ServedModel",
    "Shard",
    "order",
    "rank",
]
