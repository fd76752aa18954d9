"""What a fit shows about single verifiers, in words: copies, inverted ones, negative weights."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from assay.aggregation.label_model.fitted import FittedModel

#: A name that YAML reads as a text without quotes.
UNQUOTED = re.compile(
    r"(?!(?:true|false|null|yes|no|on|off|y|n)$)[a-z][a-z0-9_./-]*", re.IGNORECASE
)

#: Verifiers of a negative weight that are named where labels show it.
MOST_WARNED = 5


def verifier_findings(model: FittedModel) -> list[str]:
    """Return a sentence for each family of copies, each inverted verifier, and negative weights.

    Each of copies and inverted ones ends with the line of the configuration that states it.
    """
    return [*_copies(model), *_inverted(model), *_counted_against(model)]


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
