"""What a fit shows about verifiers, in words: copies, inverted ones, opponents, weights."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import numpy as np

from assay.aggregation.label_model.families import codes
from assay.aggregation.label_model.fitted import FittedModel
from assay.aggregation.label_model.relations.inversion import LEAST_LOADING, errors_by_chance

#: A name that YAML reads as a text without quotes.
UNQUOTED = re.compile(
    r"(?!(?:true|false|null|yes|no|on|off|y|n)$)[a-z][a-z0-9_./-]*", re.IGNORECASE
)

#: Verifiers of a negative weight that are named where labels show it, and pairs of opponents.
MOST_WARNED = 5


def verifier_findings(model: FittedModel) -> list[str]:
    """Return a sentence for copies, inverted verifiers, opponents, and negative weights.

    Each of copies and inverted ones ends with the line of the configuration that states it.
    """
    return [
        *_copies(model),
        *_inverted(model),
        *_perhaps_inverted(model),
        *_opponents(model),
        *_counted_against(model),
    ]


def families_line(families: Mapping[str, str]) -> str:
    """Return the line of a task in the configuration that states families."""
    entries = (f"{_yaml(name)}: {_yaml(family)}" for name, family in families.items())
    return f"families: {{{', '.join(entries)}}}"


def _copies(model: FittedModel) -> list[str]:
    family_of = dict(zip(model.names_, model.families_, strict=True))
    sentences = []
    for family in dict.fromkeys(family_of[copy.first] for copy in model.copies_):
        copies = [copy for copy in model.copies_ if family_of[copy.first] == family]
        paired = {name for copy in copies for name in (copy.first, copy.second)}
        members = {name: family for name in model.names_ if name in paired}
        repeats = [
            f"{copy.second} {'repeats' if copy.given_rest > 0 else 'says the opposite of'}"
            f" {copy.first} ({copy.given_rest:.2f} given the rest)"
            for copy in copies
        ]
        size = sum(other == family for other in model.families_)
        sentences.append(
            f"{', '.join(repeats)}: one family, in which each counts 1/√{size}. Add to the task in"
            f" the configuration: {families_line(members)}"
        )
    return sentences


def _inverted(model: FittedModel) -> list[str]:
    sentences = []
    for inversion in model.inverted_:
        if inversion.labelled_auc is not None:
            sentences.append(
                f"{inversion.name} is inverted: on labelled candidates its AUC is"
                f" {inversion.labelled_auc:.2f}, and labels decide what it weighs. Turn its scores"
                " round at their source"
            )
        else:
            labels = "labels decide" if model.counts_.labels else "it counts nothing without labels"
            sentences.append(
                f"{inversion.name} looks inverted: it runs against what the others agree on"
                f" ({inversion.loading:.2f}), and {labels}. Turn its scores round at their source,"
                " or add to the verifier in the configuration: weight: 0"
            )
    return sentences


def _perhaps_inverted(model: FittedModel) -> list[str]:
    """Return a sentence on verifiers that may be inverted, on too few scores to call them so."""
    if model.counts_.labels:
        return []
    silent = [
        f"{model.names_[place]} ({model.d_[place]:.2f})"
        for place in model.counted_places
        if model.d_[place] <= -LEAST_LOADING and model.weights_[place] == 0
    ]
    if not silent:
        return []
    return [
        "run against what the others agree on, but on too few scores to be sure:"
        f" {', '.join(silent)}. They count nothing without labels. Label some"
        " candidates, or turn the scores round at their source if they are inverted"
    ]


def _opponents(model: FittedModel) -> list[str]:
    """Return a sentence on verifiers that run against each other where nothing shows who is right.

    Labels show it, and a majority of the others. Without, both count as they are.
    """
    pairs = [] if model.counts_.labels else _opposed_pairs(model)
    if not pairs:
        return []
    shown = [
        f"{model.names_[first]} and {model.names_[second]}"
        f" ({model.correlations_[first, second]:.2f})"
        for first, second in pairs[:MOST_WARNED]
    ]
    more = f" and {len(pairs) - MOST_WARNED} more pairs" if len(pairs) > MOST_WARNED else ""
    return [
        f"run against each other: {', '.join(shown)}{more}. One of each pair may be inverted, but"
        " without labels it cannot be known which, so both count as they are. Label some"
        " candidates, or turn the inverted one's scores round at their source"
    ]


def _opposed_pairs(model: FittedModel) -> list[tuple[int, int]]:
    """Return pairs of counted verifiers that correlate negatively beyond chance, strongest first.

    Only those where the agreement of one has another sign than its weight.
    """
    count, correlations = len(model.names_), model.correlations_
    counted = np.isin(np.arange(count), model.counted_places)
    contradicted = counted & (model.d_ <= -LEAST_LOADING) & (model.weights_ > 0)
    rows = model.rows_ - (model.queries_ if model.grouped_ else 0)
    both = rows * np.minimum.outer(model.coverage_, model.coverage_)
    by_chance = errors_by_chance(count * (count - 1) // 2) / np.sqrt(np.maximum(both, 1.0))
    families = codes(model.families_)
    opposed = (correlations <= -np.maximum(LEAST_LOADING, by_chance)) & np.outer(counted, counted)
    opposed &= families[:, None] != families[None, :]
    opposed &= contradicted[:, None] | contradicted[None, :]
    first, second = np.nonzero(np.triu(opposed))
    order = np.argsort(correlations[first, second], kind="stable")
    return list(zip(first[order].tolist(), second[order].tolist(), strict=True))


def _counted_against(model: FittedModel) -> list[str]:
    """Return a sentence that names the verifiers of a negative weight, the heaviest first.

    Without labels it names all of them, since nobody has checked the sign.
    """
    weights = sorted(zip(model.weights_.tolist(), model.names_, strict=True))
    turned = [f"{name} ({weight:.2g})" for weight, name in weights if weight < 0]
    if not turned:
        return []
    if not model.counts_.labels:
        return [
            "counted against the answers that they favour, because the agreement of the others runs"
            f" that way: {', '.join(turned)}, in log-odds a standard deviation. Label some"
            " candidates, or add to the verifier in the configuration: weight: 0"
        ]
    more = f" and {len(turned) - MOST_WARNED} more" if len(turned) > MOST_WARNED else ""
    return [
        "counted against the answers they favour, as the labels say:"
        f" {', '.join(turned[:MOST_WARNED])}{more}"
    ]


def _yaml(name: str) -> str:
    return name if UNQUOTED.fullmatch(name) else json.dumps(name)
