"""A label model's learned values as plain data, and back.

Numbers go through unchanged; damaged data are an error.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from assay.aggregation.label_model.fitted import FittedModel
from assay.aggregation.label_model.head import Head
from assay.aggregation.label_model.head_check import HeadCheck
from assay.aggregation.label_model.label_free import BaseScore
from assay.aggregation.label_model.labelled_head import PriorWeight
from assay.aggregation.label_model.labels import LabelCounts
from assay.aggregation.label_model.rank_one import Trust
from assay.aggregation.label_model.relations.copies import Copy
from assay.aggregation.label_model.relations.inversion import Inversion
from assay.aggregation.label_model.score_maps import ScoreMaps
from assay.aggregation.matrix import Floats
from assay.aggregation.statistics.score_covariance import ScoreCovariance
from assay.aggregation.whole_file import read_file, save_file

MODEL_FORMAT = 1
#: Far more than a model of 1,000 verifiers takes.
MAX_MODEL_BYTES = 64 << 20
MODEL_KIND = "label_model"
ModelT = TypeVar("ModelT", bound=FittedModel)
SCALES = ("average_scale", "fitted_scale", "centre", "scale")
#: The name of the fitted share in files, since before there was a test of two classes.
FITTED_SHARE = "trust"


class ArtifactError(ValueError):
    """A file is not a label model, is of another format, or is damaged."""


def to_dict(model: FittedModel) -> dict[str, Any]:
    """Return the learned values as plain data, with a checksum; a missing number is None."""
    maps, base = model.maps_, model.base_
    verifiers = [
        {
            "name": name,
            "family": model.families_[place],
            "coverage": float(model.coverage_[place]),
            "dropped": model.dropped_.get(name),
            "d": float(model.d_[place]),
            "weight": float(model.weights_[place]),
            "low": _none(maps.low[place]),
            "span": _none(maps.span[place]),
            "centre": _none(maps.centre[place]),
            "knots": maps.knots[place].tolist(),
            "heights": maps.heights[place].tolist(),
            "average": float(base.average[place]),
            "fitted": float(base.fitted[place]),
            "mass": float(base.mass[place]),
        }
        for place, name in enumerate(model.names_)
    ]
    data: dict[str, Any] = {
        "format": MODEL_FORMAT,
        "kind": MODEL_KIND,
        "calibrated": model.calibrated_,
        "fitted_on": {"rows": model.rows_, "queries": model.queries_, **asdict(model.counts_)},
        "base_rate": model.base_rate_,
        "base_rate_from": model.base_rate_from_,
        "grouped": model.grouped_,
        "trust": asdict(model.trust_),
        "base": {
            FITTED_SHARE: base.fitted_share,
            **{name: getattr(base, name) for name in SCALES},
        },
        "head": _head_to_dict(model.head_),
        "lone_head": None if model.lone_head_ is model.head_ else _head_to_dict(model.lone_head_),
        "priors": [asdict(weight) for weight in model.prior_weights_],
        "check": None if model.check_ is None else asdict(model.check_),
        "correlations": model.correlations_.tolist(),
        "joint": None if model.joint_ is None else _joint_to_dict(model.joint_),
        "verifiers": verifiers,
    }
    # Only where there are some: a file without them has the checksum that earlier releases gave it.
    if model.copies_:
        data["copies"] = [asdict(copy) for copy in model.copies_]
    if model.too_large_:
        data["too_large"] = model.too_large_
    if model.inverted_:
        data["inverted"] = [asdict(inversion) for inversion in model.inverted_]
    return {**data, "sha256": checksum(data)}


def restore(model: ModelT, data: Any) -> ModelT:
    """Fill an unfitted model with the data of `to_dict` and return it.

    Raises `ArtifactError` for anything else.
    """
    if not isinstance(data, dict) or data.get("kind") != MODEL_KIND:
        raise ArtifactError("not a label model")
    if data.get("format") != MODEL_FORMAT:
        raise ArtifactError(
            f"a label model of format {data.get('format')!r}; this version reads format"
            f" {MODEL_FORMAT}"
        )
    if data.get("sha256") != checksum(data):
        raise ArtifactError("damaged: its content does not have its checksum")
    try:
        _read(model, data)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as exc:
        raise ArtifactError(f"damaged: {exc!r}") from exc
    return model


def save(model: FittedModel, path: Path, understood: Mapping[str, Any] | None = None) -> None:
    """Write a model as JSON; if this fails, an older file of the name stays whole.

    `understood`: what its files were understood to hold, for people who look into the file.
    """
    data = to_dict(model)
    if understood is not None:
        data["understood"] = dict(understood)
        data["sha256"] = checksum(data)
    save_file(path, (json.dumps(data, allow_nan=False) + "\n").encode())


def restore_from(model: ModelT, path: Path) -> ModelT:
    """Fill an unfitted model from a file and return it.

    Raises `ArtifactError`, naming the file, if it is missing or damaged.
    """
    try:
        data = json.loads(read_file(path, MAX_MODEL_BYTES))
    except OSError as exc:
        raise ArtifactError(f"{path}: cannot be read: {exc.strerror}") from exc
    except (
        ValueError,
        RecursionError,
    ) as exc:  # also for bytes that are not UTF-8, and for numbers with too many digits
        raise ArtifactError(f"{path}: damaged: not JSON: {exc}") from exc
    try:
        return restore(model, data)
    except (ArtifactError, RecursionError) as exc:
        raise ArtifactError(f"{path}: {exc}") from exc


def checksum(data: dict[str, Any]) -> str:
    """Return the SHA-256 of a model's content, its own checksum left out."""
    content = {key: value for key, value in data.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def version_of(model: FittedModel) -> str:
    """Return a short name for exactly this model: the start of its checksum."""
    return str(to_dict(model)["sha256"])[:12]


def _read(model: FittedModel, data: dict[str, Any]) -> None:
    verifiers = data["verifiers"]
    count = len(verifiers)
    model.names_ = tuple(str(verifier["name"]) for verifier in verifiers)
    model.families_ = tuple(str(verifier["family"]) for verifier in verifiers)
    low, span, centre = (
        np.array([_nan(verifier[name]) for verifier in verifiers])
        for name in ("low", "span", "centre")
    )
    knots, heights = (
        tuple(_line(verifier[name], len(verifier["knots"])) for verifier in verifiers)
        for name in ("knots", "heights")
    )
    model.maps_ = ScoreMaps(low, span, centre, knots, heights)
    average, fitted, mass = (_column(verifiers, name) for name in ("average", "fitted", "mass"))
    share = _number(data["base"][FITTED_SHARE])
    model.base_ = BaseScore(
        average=average,
        fitted=fitted,
        mass=mass,
        fitted_share=share,
        **_numbers(data["base"], SCALES),
    )
    model.head_ = _head_from_dict(data["head"], count)
    model.lone_head_ = (
        model.head_ if data["lone_head"] is None else _head_from_dict(data["lone_head"], count)
    )
    model.d_, model.weights_, model.coverage_ = (
        _column(verifiers, name) for name in ("d", "weight", "coverage")
    )
    model.correlations_ = _square(data["correlations"], count)
    factors = _numbers(data["trust"], ("explains", "plausible", "enough", "determined"))
    model.trust_ = Trust(
        **factors,
        identified=bool(data["trust"]["identified"]),
        two_classes=_number(data["trust"].get("two_classes", 1.0)),  # older files have none
    )
    model.base_rate_, model.base_rate_from_ = (
        _number(data["base_rate"]),
        str(data["base_rate_from"]),
    )
    fitted_on = _numbers(data["fitted_on"], ("rows", "queries", "labels", "correct", "random"))
    model.rows_, model.queries_ = int(fitted_on["rows"]), int(fitted_on["queries"])
    model.counts_ = LabelCounts(
        int(fitted_on["labels"]),
        fitted_on["correct"],
        int(fitted_on["random"]),
        random_correct=_part(data["fitted_on"], "random_correct", fitted_on["random"]),
        clear_correct=_part(data["fitted_on"], "clear_correct", fitted_on["labels"]),
        clear_wrong=_part(data["fitted_on"], "clear_wrong", fitted_on["labels"]),
        random_decided=_part(data["fitted_on"], "random_decided", fitted_on["random"]),
        random_queries=_part(data["fitted_on"], "random_queries", fitted_on["random"]),
    )
    model.grouped_ = bool(data["grouped"])
    model.dropped_ = {
        verifier["name"]: verifier["dropped"]
        for verifier in verifiers
        if verifier["dropped"] is not None
    }
    model.too_large_ = {
        str(name): int(_number(number)) for name, number in data.get("too_large", {}).items()
    }
    model.prior_weights_ = [
        PriorWeight(**_numbers(weight, ("scale", "coupling", "loan", "share")))
        for weight in data["priors"]
    ]
    model.check_ = (
        None
        if data["check"] is None
        else HeadCheck(**_numbers(data["check"], tuple(HeadCheck.__dataclass_fields__)))
    )
    model.joint_ = None if data.get("joint") is None else _joint_from_dict(data["joint"], count)
    model.copies_ = [_copy_from_dict(copy) for copy in data.get("copies", ())]
    model.inverted_ = [_inversion_from_dict(inversion) for inversion in data.get("inverted", ())]
    base, maps = model.base_, model.maps_
    scales = (base.average_scale, base.fitted_scale, base.scale, *maps.span[maps.usable])
    if not (
        0 < model.base_rate_ < 1
        and maps.usable.any()
        and base.average.sum() > 0
        and min(scales) > 0
        and 0 <= base.fitted_share <= 1
    ):
        raise ValueError("numbers that no fit gives")
    if model.base_rate_from_ == "stated":
        model.base_rate = model.base_rate_


def _part(fitted_on: Mapping[str, Any], name: str, most: float) -> float | None:
    """Return how many of some labels are of a kind; None in an earlier release's file."""
    if fitted_on.get(name) is None:
        return None
    value = _number(fitted_on[name])
    if not 0 <= value <= most:
        raise ValueError(f"{name}: must lie between 0 and {most:g}, not {value:g}")
    return value


def _head_to_dict(head: Head) -> dict[str, Any]:
    return {
        "weights": head.weights.tolist(),
        "covariance": None if head.covariance is None else head.covariance.tolist(),
    }


def _head_from_dict(data: dict[str, Any], count: int) -> Head:
    width = 3 + 2 * count
    covariance = None if data["covariance"] is None else _square(data["covariance"], width)
    return Head(_line(data["weights"], width), covariance)


def _joint_to_dict(joint: ScoreCovariance) -> dict[str, Any]:
    """Return a symmetric matrix by its lower rows."""
    lower = [joint.covariance[place, : place + 1].tolist() for place in range(len(joint.means))]
    return {"queries": joint.queries, "means": joint.means.tolist(), "covariance": lower}


def _joint_from_dict(data: dict[str, Any], count: int) -> ScoreCovariance:
    covariance = np.zeros((2 * count, 2 * count))
    for place, row in enumerate(data["covariance"]):
        covariance[place, : place + 1] = covariance[: place + 1, place] = _line(row, place + 1)
    if len(data["covariance"]) != 2 * count or (np.diag(covariance) < 0).any():
        raise ValueError("an invalid covariance")
    return ScoreCovariance(
        _line(data["means"], 2 * count), covariance, int(_number(data["queries"]))
    )


def _copy_from_dict(data: dict[str, Any]) -> Copy:
    return Copy(
        str(data["first"]), str(data["second"]), **_numbers(data, ("given_rest", "correlation"))
    )


def _inversion_from_dict(data: dict[str, Any]) -> Inversion:
    loading, labelled_auc = (
        None if data[name] is None else _number(data[name]) for name in ("loading", "labelled_auc")
    )
    return Inversion(str(data["name"]), loading, labelled_auc)


def _column(verifiers: list[dict[str, Any]], name: str) -> Floats:
    return _line([verifier[name] for verifier in verifiers], len(verifiers))


def _line(values: list[float], length: int) -> Floats:
    line = np.array(values, np.float64)
    if line.shape != (length,) or not np.isfinite(line).all():
        raise ValueError(f"{length} finite numbers expected")
    return line


def _square(values: list[list[float]], size: int) -> Floats:
    square = np.array(values, np.float64).reshape(-1, size) if size else np.zeros((0, 0))
    if square.shape != (size, size) or not np.isfinite(square).all():
        raise ValueError(f"a {size} x {size} matrix of finite numbers expected")
    return square


def _none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _nan(value: float | None) -> float:
    return math.nan if value is None else _number(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"a finite number expected, not {str(value)[:40]}")
    return float(value)


def _numbers(data: Any, names: tuple[str, ...]) -> dict[str, float]:
    """Return the named numbers of an object.

    Raises `ValueError` for a wrong one, `KeyError` for a missing one.
    """
    return {name: _number(data[name]) for name in names}
