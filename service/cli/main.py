"""The `assay` command: thin, every command a function elsewhere; nothing heavy is loaded before
it is needed.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from assay.service.domain.errors import StartupError
from assay.service.domain.secrets import masked

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Tells which of several candidate LLM answers to trust.",
)
config_app = typer.Typer(no_args_is_help=True, help="Configuration files.")
app.add_typer(config_app, name="config")
labels_app = typer.Typer(no_args_is_help=True, help="Labels of a running service's tasks.")
app.add_typer(labels_app, name="labels")

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="ASSAY_CONFIG",
        help="Configuration file; default: the CPU ensemble.",
        show_default=False,
    ),
]


class PlanForm(StrEnum):
    """What `assay plan -o` writes."""

    script = "script"
    compose = "compose"
    kubernetes = "kubernetes"
    helm = "helm"


JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
DataOption = Annotated[
    Path | None, typer.Option(help="Folder of the embedded store.", show_default=False)
]
LengthOption = Annotated[int, typer.Option(min=1, help="Tokens of a prompt with its answer.")]
ConcurrencyOption = Annotated[
    int, typer.Option(min=1, help="Sequences of that length at once, a model.")
]
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
    Path | None,
    typer.Option(
        help="JSON {verifier: family}; default: the file's, else the name before a colon.",
        show_default=False,
    ),
]
QualityOption = Annotated[
    Path | None,
    typer.Option(
        help="JSON {verifier: AUC, or low / medium / high}; default: the file's.",
        show_default=False,
    ),
]


@app.command()
def serve(
    config: ConfigOption = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on [127.0.0.1].", show_default=False)
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on [8080].", show_default=False)
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Worker processes [1].", show_default=False)
    ] = None,
    data_dir: DataOption = None,
    redis_url: Annotated[
        str | None,
        typer.Option(help="Redis or Valkey server; default: an embedded one.", show_default=False),
    ] = None,
    root_path: Annotated[
        str | None, typer.Option(help="Path prefix that a proxy strips.", show_default=False)
    ] = None,
    allowed_hosts: Annotated[
        str | None,
        typer.Option(
            help="Names by which clients may reach it without a key, with commas.",
            show_default=False,
        ),
    ] = None,
    log_level: Annotated[
        str | None, typer.Option(help="debug, info, warning or error.", show_default=False)
    ] = None,
) -> None:
    """Serve the API until Ctrl-C."""
    from assay.service.server.run import run

    flags = {
        "host": host,
        "port": port,
        "workers": workers,
        "data_dir": data_dir,
        "redis_url": redis_url,
        "root_path": root_path,
        "allowed_hosts": allowed_hosts,
        "log_level": log_level,
    }
    run(config, flags)


@app.command()
def plan(
    ensemble: Annotated[
        Path, typer.Argument(help="Configuration file.", exists=True, dir_okay=False)
    ],
    gpus: Annotated[
        str,
        typer.Option(
            help="COUNTxNAME-SIZEG, such as 1xH200-141G or 8xA100-80G; several with a comma."
        ),
    ] = "auto",
    length: LengthOption = 4096,
    concurrency: ConcurrencyOption = 8,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write the plan to a file.", show_default=False),
    ] = None,
    form: Annotated[PlanForm, typer.Option("--format", help="What -o writes.")] = PlanForm.script,
    as_json: JsonOption = False,
) -> None:
    """Say which GPU serves which model of a configuration, and write it: script, compose file,
    manifests or values of our chart.
    """
    from assay.service.cli.plan import plan_ensemble
    from assay.service.planning.memory_estimate import Load

    plan_ensemble(ensemble, gpus, Load(length, concurrency), out, form.value, as_json)


@app.command()
def up(
    ensemble: Annotated[
        Path, typer.Argument(help="Configuration file.", exists=True, dir_okay=False)
    ],
    gpus: Annotated[
        str, typer.Option(help="As for `assay plan`; none: serve on the CPU, without a placement.")
    ] = "auto",
    length: LengthOption = 4096,
    concurrency: ConcurrencyOption = 8,
    vllm_venv: Annotated[
        Path | None,
        typer.Option(
            help="Environment that has vLLM; default: `vllm` on the PATH.", show_default=False
        ),
    ] = None,
    logs: Annotated[
        Path | None,
        typer.Option(help="Folder of their output; default: logs in data_dir.", show_default=False),
    ] = None,
    start_timeout: Annotated[
        float, typer.Option(min=1, help="Longest wait for a model, in seconds.")
    ] = 1800,
) -> None:
    """Start the model servers of a configuration and the service, keep them running, and end all
    at Ctrl-C.
    """
    from assay.service.cli.up import up as start
    from assay.service.planning.memory_estimate import Load

    start(ensemble, gpus, Load(length, concurrency), vllm_venv, logs, start_timeout)


@app.command()
def key(
    name: Annotated[str, typer.Argument(help="What the log calls who has it.")],
    scopes: Annotated[str, typer.Option(help="Any of rank, label, admin, with commas.")] = "rank",
    tasks: Annotated[
        str | None,
        typer.Option(help="Tasks that it is for, with commas; default: all.", show_default=False),
    ] = None,
    requests: Annotated[
        str | None,
        typer.Option(help="Requests it may make, such as 600/minute.", show_default=False),
    ] = None,
    cost: Annotated[
        str | None, typer.Option(help="Cost it may cause, such as 1000/day.", show_default=False)
    ] = None,
    priority: Annotated[
        str | None, typer.Option(help="interactive or bulk.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key: shown once; the configuration gets its hash."""
    from assay.service.cli.key import make_key

    make_key(
        name, scopes, tasks, {"requests": requests, "cost": cost, "priority": priority}, as_json
    )


@app.command()
def rank(
    file: Annotated[
        Path,
        typer.Argument(
            help="JSONL; each line is a body for POST /v1/rank.", exists=True, dir_okay=False
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="JSONL of answers; lines already there are not asked again."
        ),
    ],
    config: ConfigOption = None,
    data_dir: DataOption = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Queries at once.")] = 8,
    as_json: JsonOption = False,
) -> None:
    """Rank a file of queries without a server: the same code, with a progress bar, resumable."""
    from assay.service.cli.rank import rank_file

    rank_file(file, out, config, {"data_dir": data_dir}, concurrency, as_json)


@app.command()
def batch(
    where: Annotated[
        str,
        typer.Argument(
            metavar="IN", help="File, folder or pattern of .jsonl or .parquet, or a URL of one."
        ),
    ],
    out: Annotated[
        str,
        typer.Argument(
            metavar="OUT", help="Folder or URL for the results; what is there is not ranked again."
        ),
    ],
    config: ConfigOption = None,
    task: Annotated[str, typer.Option(help="Task of the rows that name none.")] = "default",
    data_dir: DataOption = None,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Work on a Ray cluster; `local` starts one here.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Workers on Ray; default: one a CPU of the cluster.", show_default=False
        ),
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Rows at once, a worker.")] = 64,
    part_rows: Annotated[
        int, typer.Option(min=1, max=100_000, help="Rows of an output file.")
    ] = 1000,
    tries: Annotated[
        int,
        typer.Option(min=1, help="Tries of a row that a verifier failed on, 1, 4, 16 … s apart."),
    ] = 4,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Take rows as they are when a verifier is down.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Rank files of any size in bulk, here or on Ray: resumable, in bounded memory, bad rows set
    aside.
    """
    from assay.service.batch.ranking import Effort
    from assay.service.cli.batch import Wanted, run_batch

    wanted = Wanted(
        where=where,
        out=out,
        task=task,
        part_rows=part_rows,
        effort=Effort(concurrency, keep_going, tries),
        ray=ray,
        workers=workers,
    )
    run_batch(wanted, config, {"data_dir": data_dir}, as_json)


@app.command()
def demo(
    config: ConfigOption = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on [8080].", show_default=False)
    ] = None,
    data_dir: DataOption = None,
    once: Annotated[
        bool, typer.Option("--once", envvar="ONCE", help="Stop after the table.")
    ] = False,
    as_json: JsonOption = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first problems.", show_default=False)
    ] = None,
    svg: Annotated[
        Path | None, typer.Option(help="Draw what is printed into this file.", show_default=False)
    ] = None,
) -> None:
    """Rank a bundled set of real candidates, show what that gains, and leave the service
    running.
    """
    from assay.service.cli.demo import run

    run(config, {"port": port, "data_dir": data_dir}, once, as_json, svg, limit)


UrlOption = Annotated[str, typer.Option(envvar="ASSAY_URL", help="A running service.")]
HERE = "http://127.0.0.1:8080"


@app.command()
def fit(
    scores: Annotated[
        list[Path] | None,
        typer.Argument(
            help="npz, Parquet or JSONL of scores, or a folder; several are parts of one data set.",
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
    url: UrlOption = HERE,
    labels: Annotated[
        bool,
        typer.Option(
            "--labels", help="Learn from the labels as well; they are not read otherwise."
        ),
    ] = False,
    base_rate: BaseRateOption = None,
    families: FamiliesOption = None,
    quality: QualityOption = None,
    borrow: Annotated[
        list[Path] | None,
        typer.Option(
            help=(
                "Model of another task with labels, whose weights for the same verifiers to start"
                " from."
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
    as_json: JsonOption = False,
) -> None:
    """Learn a label model from verifier scores, without labels or with some."""
    if task is not None:
        from assay.service.cli.tasks import fit_task

        fit_task(url, task, as_json)
        return
    if not scores or out is None:
        raise StartupError(
            "give files of scores and --out FILE, or --task TASK for a running service"
        )
    from assay.service.cli.fit import Stated, fit_files

    fit_files(
        scores, out, labels, Stated(families, quality, base_rate, tuple(borrow or ())), as_json, ray
    )


@app.command()
def tasks(url: UrlOption = HERE, as_json: JsonOption = False) -> None:
    """List the tasks of a running service: what each serves, and what it has kept."""
    from assay.service.cli.tasks import show_tasks

    show_tasks(url, as_json)


@app.command()
def promote(
    task: Annotated[str, typer.Argument(help="The task.")],
    version: Annotated[
        int | None, typer.Argument(help="The version; default: the one before.", show_default=False)
    ] = None,
    pinned: Annotated[
        bool | None,
        typer.Option(
            "--pin/--unpin", help="Keep it, whatever is fitted later.", show_default=False
        ),
    ] = None,
    url: UrlOption = HERE,
) -> None:
    """Serve another version of a task's model, on all replicas."""
    from assay.service.cli.tasks import promote as promote_version

    promote_version(url, task, version, pinned)


@app.command()
def shadow(
    task: Annotated[str, typer.Argument(help="The task.")],
    version: Annotated[int, typer.Argument(min=1, help="The version to look at.")],
    url: UrlOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Say how another version would have answered a task's traffic, beside the one that serves."""
    from assay.service.cli.tasks import shadow as show_shadow

    show_shadow(url, task, version, as_json)


@app.command()
def label(
    task: Annotated[
        str, typer.Argument(help="The task; its configuration needs store_text: true.")
    ],
    count: Annotated[int, typer.Option("-n", min=1, max=1000, help="Candidates to look at.")] = 50,
    who: Annotated[
        str | None,
        typer.Option(envvar="USER", help="Name kept with the labels.", show_default=False),
    ] = None,
    url: UrlOption = HERE,
) -> None:
    """Label candidates of a running service by hand, one by one."""
    from assay.service.cli.tasks import label_by_hand

    label_by_hand(url, task, count, who)


@app.command()
def report(
    task: Annotated[str, typer.Argument(help="The task.")],
    html: Annotated[
        Path | None,
        typer.Option(help="Write a page with plots (needs the extra plot).", show_default=False),
    ] = None,
    last: Annotated[
        bool, typer.Option("--last", help="Show the last report instead of making one.")
    ] = False,
    url: UrlOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Measure what the verifiers of a running service's task are worth, and how well its
    probabilities hold.
    """
    from assay.service.cli.report.command import report_task

    report_task(url, task, html, last, as_json)


@app.command()
def export(
    task: Annotated[
        str, typer.Argument(help="The task; its configuration needs store_text: true.")
    ],
    file: Annotated[Path, typer.Argument(help="Where to write them (JSONL).")],
    how: Annotated[
        str, typer.Option("--format", help="dpo, kto, sft or reward: the shapes that TRL reads.")
    ] = "dpo",
    margin: Annotated[
        float, typer.Option(min=0, max=1, help="dpo: least difference of best and worst.")
    ] = 0.2,
    threshold: Annotated[
        float,
        typer.Option(min=0.5, max=1, help="sft, kto: least probability that counts as right."),
    ] = 0.7,
    url: UrlOption = HERE,
) -> None:
    """Write a running service's ranked traffic as training data."""
    from assay.service.cli.tasks import export_rows

    export_rows(url, task, file, how, margin, threshold)


@labels_app.command("import")
def labels_import(
    task: Annotated[str, typer.Argument(help="The task.")],
    file: Annotated[
        Path,
        typer.Argument(
            help=(
                "JSONL or Parquet, in the form of the API: key, or query and candidate; correct; …"
            ),
            exists=True,
        ),
    ],
    url: UrlOption = HERE,
) -> None:
    """Send labels from a file."""
    from assay.service.cli.tasks import import_labels

    import_labels(url, task, file)


@labels_app.command("export")
def labels_export(
    task: Annotated[str, typer.Argument(help="The task.")],
    file: Annotated[Path, typer.Argument(help="Where to write them (.jsonl or .parquet).")],
    url: UrlOption = HERE,
) -> None:
    """Write all labels of a task."""
    from assay.service.cli.tasks import export_labels

    export_labels(url, task, file)


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="A model that `assay fit` wrote.")],
    scores: Annotated[Path, typer.Argument(help="npz, Parquet or JSONL of scores.")],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="npz, Parquet or JSONL: probability, score, query_id, row for row."
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Write P(correct) of each row."""
    from assay.service.cli.fit import predict_file

    predict_file(model, scores, out, as_json)


@app.command()
def evaluate(
    scores: Annotated[Path, typer.Argument(help="npz, Parquet or JSONL of scores with labels.")],
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
        bool, typer.Option("--cascade", help="What asking in tiers would save and lose.")
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
    as_json: JsonOption = False,
) -> None:
    """Measure every way of combining a file's scores, by cross-validation over queries."""
    from assay.service.cli.fit import Stated

    if cascade:
        from assay.service.cli.evaluation.cascade import cascade_file

        cascade_file(
            scores, Stated(families, quality, base_rate), costs, labels, loss, draws, as_json, plot
        )
        return
    from assay.service.cli.evaluation.evaluate import evaluate_file

    evaluate_file(scores, Stated(families, quality, base_rate), draws, as_json, plot)


@config_app.command("check")
def config_check(
    file: Annotated[Path, typer.Argument(help="Configuration file.")],
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask whether the servers answer.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check a configuration file, and that every server in it answers and serves its model."""
    from assay.service.cli.config_check import check

    raise typer.Exit(check(file, offline, as_json))


@app.command()
def doctor(
    config: ConfigOption = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Only the verifier of this name; may be given again.", show_default=False
        ),
    ] = None,
    attacks: Annotated[
        bool,
        typer.Option("--attacks", help="Attack the judges instead, with and without our defences."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Examine every verifier: served right, and right above wrong on 60 bundled pairs? Exit code
    1 if one failed.
    """
    from assay.service.cli.doctor import run

    raise typer.Exit(run(config, only or [], attacks, as_json))


@app.command()
def models(
    name: Annotated[
        str | None, typer.Argument(help="One model: all that is known of it.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the models that Assay knows how to serve, or show one."""
    from assay.service.cli.models import show_models

    show_models(name, as_json)


@app.command()
def sidecar(
    model: Annotated[str, typer.Argument(help="The model's name on the hub, or a folder.")],
    served_model_name: Annotated[
        str | None, typer.Option(help="Name to serve it by; default: MODEL.", show_default=False)
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    output: Annotated[
        str, typer.Option(help="Where the score is: score, logits or first_token_logit.")
    ] = "logits",
    head: Annotated[
        str, typer.Option(help="linear, or mlp (Linear, ReLU, Linear: INF-ORM).")
    ] = "linear",
    adapter: Annotated[
        Path | None,
        typer.Option(
            help="Python file with load(name, device, dtype), for any other model.",
            show_default=False,
        ),
    ] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run the code that comes with the model.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 ...")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16.")] = "auto",
    max_model_len: Annotated[int, typer.Option(min=1, help="Longest prompt, in tokens.")] = 4096,
    batch_size: Annotated[int, typer.Option(min=1, help="Most prompts in one forward pass.")] = 16,
) -> None:
    """Serve a reward model that vLLM has no class for, in vLLM's form (needs the extra hf)."""
    from assay.service.sidecar.app import serve
    from assay.service.sidecar.model import Choice

    for name, value, known in (
        ("--output", output, ("score", "logits", "first_token_logit")),
        ("--head", head, ("linear", "mlp")),
    ):
        if value not in known:
            raise StartupError(f"{name}: must be one of: {', '.join(known)}; got {value!r}")
    choice = Choice(
        name=model,
        output=output,  # type: ignore[arg-type]  # checked above
        head=head,  # type: ignore[arg-type]  # checked above
        adapter=adapter,
        trust_remote_code=trust_remote_code,
        device=device,
        dtype=dtype,
        max_tokens=max_model_len,
    )
    serve(choice, served_model_name, host, port, batch_size)


@app.command()
def init(
    file: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("ensemble.yaml"),
) -> None:
    """Write a commented configuration to start from."""
    from assay.service.config.model import default_config_path

    if file.exists():
        typer.echo(f"{file} exists already; name another file", err=True)
        raise typer.Exit(1)
    example = default_config_path().with_name("served.yaml")
    file.write_text(example.read_text(encoding="utf-8"), encoding="utf-8")
    typer.echo(f"wrote {file}; edit it, then: assay config check {file}")


@app.command()
def version(as_json: JsonOption = False) -> None:
    """Say what runs."""
    import json
    import platform

    from assay.service.api.app import assay_version

    what = {
        "assay": assay_version(),
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
    typer.echo(
        json.dumps(what)
        if as_json
        else "  ".join(f"{name} {value}" for name, value in what.items())
    )


def main() -> None:
    """Run the command; a wrong configuration is a message, not a traceback."""
    try:
        app()
    except StartupError as exc:
        from assay.verifiers import printable

        typer.echo(printable(masked(str(exc))), err=True)
        raise SystemExit(2) from None
    except (
        OSError
    ) as exc:  # of a file that was named: a folder, one that may not be written, a full disk
        typer.echo(f"{exc.filename or 'a file'}: {exc.strerror or exc}", err=True)
        raise SystemExit(2) from None
