"""`assay fit` and `assay predict`: a label model from files of scores, and its probabilities."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text
from scipy.special import expit

from assay.aggregation import LabelModel, NotFittedError
from assay.aggregation.label_model.families import FAMILY_MODES, Families, families_of
from assay.aggregation.label_model.saved.artifact import ArtifactError, load_model, save, version_of
from assay.aggregation.label_model.summaries.fit_summary import fit_report
from assay.aggregation.label_model.summaries.unlike_scores import unlike_scores
from assay.aggregation.statistics.queries import TOO_LARGE, too_large
from assay.service.cli.console import Console
from assay.service.cli.outputs import check_output
from assay.service.domain.errors import StartupError
from assay.service.score_files.score_table import ScoreTable, TableError
from assay.service.score_files.shards import Shards, files_of
from assay.service.score_files.tables import read_json_object, read_table, write_table

FAMILIES_FORM = 'a JSON object {"verifier": "family"}'
QUALITY = 'a JSON object {"verifier": AUC, or "low", "medium" or "high"}'


class FitError(StartupError):
    """A fit or a prediction is not possible; the message says why."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A person's statements about a data set, beside its scores."""

    families: str | None = None
    quality: str | Path | None = None
    base_rate: float | None = None
    borrow: tuple[Path, ...] = ()

    def model(self, table: ScoreTable, seed: int = 0) -> LabelModel:
        """Return an unfitted model; families are those stated here, else the table's."""
        quality = {**table.quality, **_stated("--quality", self.quality, QUALITY, table)}
        return LabelModel(
            self.base_rate,
            self._families(table),
            quality,
            [load_model(path) for path in self.borrow],
            seed=seed,
        )

    @property
    def families_file(self) -> Path | None:
        """Return the file of families, if they stand in one."""
        stands_alone = self.families in (None, *FAMILY_MODES) or str(
            self.families
        ).lstrip().startswith("{")
        return None if stands_alone else Path(str(self.families))

    @property
    def quality_file(self) -> Path | None:
        """Return the file of qualities, if they stand in one."""
        stands_alone = self.quality is None or str(self.quality).lstrip().startswith("{")
        return None if stands_alone else Path(str(self.quality))

    def _families(self, table: ScoreTable) -> Families:
        """Return the families stated here, else in the table; all of them for `given`."""
        if self.families == "given":
            return dict(zip(table.names, families_of(table.names, table.families), strict=True))
        stated = None if self.families in FAMILY_MODES else self.families
        return {**table.families, **_stated("--families", stated, FAMILIES_FORM, table)}


def fit_files(
    paths: Sequence[Path],
    out: Path,
    labels: bool,
    stated: Stated,
    as_json: bool,
    ray: str | None = None,
) -> None:
    """Fit a model on the rows of all files together, write it to `out`, and print the report."""
    if out.is_dir():  # known before the work of a fit
        raise FitError(f"{out}: cannot be written: it is a folder; name a file in it")
    paths = [file for path in paths for file in files_of(path)]
    check_output(out, *paths, stated.families_file, stated.quality_file, *stated.borrow)
    shards = Shards(paths, labels)
    console = Console(stderr=True)
    try:
        with console.status(f"fitting {len(paths)} file{'s'[: len(paths) > 1]}", spinner="dots"):
            unfitted = stated.model(shards.first)
            if ray is None:
                model = unfitted.fit_shards(shards, shards.first.names)
            else:
                from assay.service.cli.fitting.fit_on_ray import fit_on_ray

                with redirect_stdout(sys.stderr):  # Ray prints its workers' logs
                    model = fit_on_ray(ray, unfitted, paths, labels, shards.first.names)
            save(model, out)
    except ArtifactError as exc:
        raise FitError(str(exc)) from exc
    except (ValueError, NotFittedError) as exc:
        raise FitError(f"{paths[0] if len(paths) == 1 else 'the files'}: {exc}") from exc
    except OSError as exc:
        raise FitError(f"{out}: cannot be written: {exc.strerror}") from exc
    summary = {"model": str(out), "version": version_of(model), **fit_report(model)}
    if as_json:
        print(json.dumps(summary))  # noqa: T201 - this is the command's output
    else:
        _print_report(Console(highlight=False), summary)


def predict_file(model_path: Path, path: Path, out: Path, as_json: bool) -> None:
    """Write probability, score (log-odds) and query_id, row for row.

    NaN where a row has no score that counts, and for all probabilities of a model that is neither
    calibrated on labels nor fitted with a stated base rate: its scores only order.
    """
    check_output(out, model_path, path)
    try:
        model, table = load_model(model_path), read_table(path, labels=False)
        reader = model.for_verifiers(table.names)
        score = reader.score_samples(table.scores, table.query_id)
    except (ArtifactError, ValueError) as exc:
        raise FitError(str(exc) if isinstance(exc, ArtifactError) else f"{path}: {exc}") from exc
    rated = model.calibrated_ or model.base_rate is not None
    probability = expit(score) if rated else np.full(len(score), np.nan)
    try:
        write_table(out, {"probability": probability, "score": score, "query_id": table.query_id})
    except OSError as exc:
        raise FitError(f"{out}: cannot be written: {exc.strerror}") from exc
    unknown = int(np.isnan(score).sum())
    missing = sorted(set(model.names_) - set(table.names))
    beyond = int(too_large(table.scores).sum())
    unlike = unlike_scores(reader, table.scores)
    summary = {
        "rows": len(score),
        "without_score": unknown,
        "calibrated": model.calibrated_,
        "missing_verifiers": missing,
        "too_large": beyond,
        "unlike_the_fit": [asdict(verifier) for verifier in unlike],
        "out": str(out),
    }
    if as_json:
        print(json.dumps(summary))  # noqa: T201 - this is the command's output
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{len(score)} rows, {unknown} of them without a score: {out}", markup=False)
    if missing:
        console.print(f"not in the file, so counted as missing: {', '.join(missing)}", markup=False)
    if beyond:
        console.print(f"counted as missing: {beyond} scores {TOO_LARGE}", markup=False)
    for verifier in unlike:
        console.print(f"{verifier.sentence}: another unit or model?", markup=False)
    if not model.calibrated_:
        console.print(f"not calibrated: {model.counts_.why_not}", markup=False)
    if not rated:
        console.print(
            "no probabilities: the scores only order; label, or fit with --base-rate", markup=False
        )


def _stated(option: str, value: str | Path | None, what: str, table: ScoreTable) -> dict[str, Any]:
    """Return an option's values of the table's verifiers: JSON as it stands, or a file of it.

    Raises `TableError` for a verifier that the table does not have.
    """
    if value is None:
        return {}
    if not str(value).lstrip().startswith("{"):
        return _of_verifiers(str(value), read_json_object(Path(value), what), what, table)
    try:
        parsed = json.loads(str(value))
    except (ValueError, RecursionError) as exc:
        raise TableError(f"{option}: not JSON: {exc}") from exc
    return _of_verifiers(option, parsed, what, table)


def _of_verifiers(
    source: str, values: dict[str, Any], what: str, table: ScoreTable
) -> dict[str, Any]:
    """Return values by verifier's name; raise `TableError`, naming their source, for others."""
    if unknown := sorted(set(values) - set(table.names)):
        raise TableError(
            f"{source}: no verifier is called {', '.join(map(repr, unknown[:5]))}; choose from:"
            f" {', '.join(table.names[:40])}"
        )
    for name, value in values.items():
        if not isinstance(value, str) and (
            what is FAMILIES_FORM or isinstance(value, bool) or not isinstance(value, (int, float))
        ):
            raise TableError(f"{source}: {name!r} has {value!r}; must hold {what}")
    return values


def _print_report(console: Console, summary: dict[str, Any]) -> None:
    trust, labels, rate = summary["trust"], summary["labels"], summary["base_rate"]
    console.print(
        Text.assemble(
            (str(summary["model"]), "bold"),
            f", version {summary['version']}: {summary['rows']:,} rows of {summary['queries']:,}"
            f" queries, {len(summary['verifiers'])} verifiers in {summary['families']} families",
        )
    )
    console.print(
        f"labels: {labels['labels']} ({labels['correct']:g} correct, {labels['random']} random);"
        f" {'calibrated' if summary['calibrated'] else 'not calibrated'}; base rate"
        f" {rate['value']:.3f} ({rate['from']})"
    )
    console.print(
        f"trust in the label-free fit: {trust['value']:.2f} = explains {trust['explains']:.2f} x"
        f" plausible {trust['plausible']:.2f} x enough data {trust['enough']:.2f} x determined"
        f" {trust['determined']:.2f} x two classes {trust['two_classes']:.2f}"
        f"{'' if trust['identified'] else ', not identified'}"
        f"; the order follows that fit by {trust['fitted_share']:.0%}"
    )
    if borrowed := sum(prior["share"] for prior in summary["priors"] if prior["loan"] > 0):
        console.print(
            f"borrowed weights: {borrowed:.0%} of the evidence is for starting from the other"
            " models'"
        )
    if (check := summary["check"]) is not None:
        console.print(
            f"cross-validated: Brier {check['brier_head']:.3f} learned, {check['brier_scaled']:.3f}"
            f" label-free scaled, log loss {check['log_loss_difference']:+.3f} ±"
            f" {check['error']:.3f}"
        )
    table = Table("verifier", "family", box=None, pad_edge=False)
    for title in ("coverage", "agreement", "weight"):
        table.add_column(title, justify="right")
    for verifier in sorted(summary["verifiers"], key=lambda verifier: -abs(verifier["weight"])):
        left_out = verifier["dropped"] is not None
        numbers = (
            ("", "")
            if left_out
            else (f"{verifier['agreement']:+.2f}", f"{verifier['weight']:+.3f}")
        )
        table.add_row(verifier["name"], verifier["family"], f"{verifier['coverage']:.0%}", *numbers)
    console.print(table)
    console.print(
        "agreement: correlation with the factor that all families share; weight: log-odds a"
        " standard deviation of the verifier",
        style="dim",
    )
    for warning in summary["warnings"]:
        console.print(Text.assemble(("! ", "yellow"), str(warning)))
