"""`assay fit`, `predict` and `evaluate`: label models of files of scores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assay.service.cli.commands.options import DEFAULT_URL, JsonOption, UrlOption
from assay.service.domain.errors import StartupError

BaseRateOption = Annotated[
    float | None,
    typer.Option(
        "--base-rate",
        min=0.0,
        max=1.0,
        help="Share of candidates that are correct, if you know it.",
    ),
]

FamiliesOption = Annotated[
    str | None,
    typer.Option(
        metavar="auto|given|JSON",
        help=(
            "auto (default): verifiers that repeat each other are one family; given: the file's,"
            " else the name before a colon; or JSON {verifier: family}, or a file of it."
        ),
        show_default=False,
    ),
]

QualityOption = Annotated[
    str | None,
    typer.Option(
        metavar="JSON",
        help=(
            "JSON {verifier: AUC, or low / medium / high}, or a file of it; default: the scores'"
            " file's."
        ),
        show_default=False,
    ),
]


MapOption = Annotated[
    str | None,
    typer.Option(
        "--map",
        metavar="FIELD=COLUMN,…",
        help=(
            "Which columns hold what: query_id, candidate, label, label_random; verifiers=a+b names"
            " the verifiers, NAME=COLUMN one under another name. Dots lead into objects."
        ),
        show_default=False,
    ),
]


def fit_command(
    scores: Annotated[
        list[Path] | None,
        typer.Argument(
            help=(
                "Scores: npz, Parquet, JSONL, JSON, CSV or TSV, also packed; or a folder or a"
                " pattern; several are parts of one data set."
            ),
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Where to write the model (JSON).", show_default=False),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            help="Have a running service fit this task from its own traffic instead.",
            show_default=False,
        ),
    ] = None,
    url: UrlOption = DEFAULT_URL,
    labels: Annotated[
        bool,
        typer.Option(
            "--labels", help="Learn from the labels as well; the command ignores them otherwise."
        ),
    ] = False,
    base_rate: BaseRateOption = None,
    families: FamiliesOption = None,
    quality: QualityOption = None,
    borrow: Annotated[
        list[Path] | None,
        typer.Option(
            help=(
                "Model of another task with labels; the fit starts from its weights for the same"
                " verifiers."
            ),
            show_default=False,
        ),
    ] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Read on a Ray cluster; `local` starts one here.",
            show_default=False,
        ),
    ] = None,
    columns: MapOption = None,
    as_json: JsonOption = False,
) -> None:
    """Learn a label model from verifier scores, without labels or with some."""
    if task is not None:
        _no_options_of_files(
            {
                "files of scores": scores,
                "--out": out,
                "--labels": labels,
                "--base-rate": base_rate is not None,
                "--families": families is not None,
                "--quality": quality is not None,
                "--borrow": borrow,
                "--ray": ray is not None,
                "--map": columns is not None,
            }
        )
        from assay.service.cli.tasks import fit_task

        fit_task(url, task, as_json)
        return
    if not scores or out is None:
        raise StartupError(
            "give files of scores and --out FILE, or --task TASK for a running service"
        )
    from assay.service.cli.fitting.fit import fit_files
    from assay.service.cli.fitting.stated import Stated
    from assay.service.row_files.column_map import ColumnMap

    stated = Stated(families, quality, base_rate, tuple(borrow or ()))
    fit_files(scores, out, labels, stated, as_json, ray, ColumnMap.parse(columns))


def _no_options_of_files(stated: dict[str, object]) -> None:
    """Raise `StartupError` that names what was stated and has no effect on a service's task."""
    names = [name for name, value in stated.items() if value]
    if names:
        raise StartupError(
            f"{', '.join(names)}: not with --task, which has the service fit from its own traffic,"
            " labels and configuration. Leave it out; to fit files, leave out --task; base rate,"
            " families and quality of a task stand in the service's configuration"
        )


def predict_command(
    model: Annotated[Path, typer.Argument(help="A model that `assay fit` wrote.")],
    scores: Annotated[
        list[Path],
        typer.Argument(help="Files of scores, folders or patterns, as for `assay fit`."),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help=(
                "npz, Parquet, JSONL or CSV: query_id, candidate, probability, score, row for row."
            ),
        ),
    ],
    columns: MapOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write P(correct) of each row."""
    from assay.service.cli.fitting.predict import predict_files
    from assay.service.row_files.column_map import ColumnMap

    predict_files(model, scores, out, as_json, ColumnMap.parse(columns))


def evaluate_command(
    scores: Annotated[
        list[Path],
        typer.Argument(help="Files of scores with labels, folders or patterns, as for fit."),
    ],
    base_rate: BaseRateOption = None,
    families: FamiliesOption = None,
    quality: QualityOption = None,
    draws: Annotated[
        int, typer.Option(min=1, max=100, help="Random draws of each number of labels.")
    ] = 5,
    plot: Annotated[
        Path | None,
        typer.Option(help="Folder for the figures.", show_default=False, file_okay=False),
    ] = None,
    cascade: Annotated[
        bool, typer.Option("--cascade", help="Measure what a cascade would save and lose.")
    ] = False,
    costs: Annotated[
        Path | None,
        typer.Option(
            help="With --cascade: JSON {verifier: cost}; default: all alike.", show_default=False
        ),
    ] = None,
    labels: Annotated[
        int, typer.Option(min=0, help="With --cascade: labels that the model may read.")
    ] = 100,
    loss: Annotated[
        float, typer.Option(help="With --cascade: points of selection@1 that may be lost.")
    ] = 0.7,
    columns: MapOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure every way of combining a file's scores, by cross-validation over queries."""
    from assay.service.cli.fitting.stated import Stated
    from assay.service.row_files.column_map import ColumnMap

    stated, column_map = Stated(families, quality, base_rate), ColumnMap.parse(columns)
    if cascade:
        from assay.service.cli.evaluation.cascade import cascade_file

        cascade_file(scores, stated, costs, labels, loss, draws, as_json, plot, column_map)
        return
    from assay.service.cli.evaluation.evaluate import evaluate_file

    evaluate_file(scores, stated, draws, as_json, plot, column_map)
