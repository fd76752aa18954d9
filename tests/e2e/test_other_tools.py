"""Other tools' files, in the forms that the tools write, all the way to a result of ours."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.commands.in_process import problem, run, said
from tests.support.http.canned_server import answering_by_path
from tests.support.tool_files import Row
from tests.support.tool_files.annotation_tools import (
    QA,
    argilla_2_columns,
    studio_annotation,
    studio_flat,
    studio_result,
    studio_task,
)
from tests.support.tool_files.evaluations import (
    batch_reply,
    batch_request,
    chat,
    inspect_log,
    inspect_sample,
    lighteval_choice,
    lighteval_detail,
    lighteval_flat,
    lm_eval_choice,
    lm_eval_sample,
)
from tests.support.tool_files.preferences import (
    alpaca_annotation,
    mt_rating,
    reward_bench_columns,
)

#: Every fourth sample is wrong.
QUERIES = 24


def lines(file: Path, rows: list[Row]) -> Path:
    """Write JSON lines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return file


def document(file: Path, value: Any) -> Path:
    """Write one JSON document over several lines, as most tools do."""
    file.write_text(json.dumps(value, indent=2))
    return file


def parquet(file: Path, rows: list[Row]) -> Path:
    """Write Parquet."""
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file


def archive(file: Path, samples: list[Row]) -> Path:
    """Write a packed log of Inspect."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as written:
        for sample in samples:
            name = f"samples/{sample['id']}_epoch_{sample['epoch']}.json"
            written.writestr(name, json.dumps(sample))
        written.writestr("header.json", json.dumps({"eval": inspect_log([])["eval"]}))
    return file


def answers(right_every: int) -> list[tuple[str, float]]:
    """Return answers to the samples and whether each is right."""
    return [
        (f"The answer is {n + 1 + (n % right_every == 0)}.", float(n % right_every != 0))
        for n in range(QUERIES)
    ]


def epochs() -> list[Row]:
    """Return samples of Inspect with two epochs, the first right in three of four."""
    return [
        inspect_sample(n, text, {"match": "C" if right else "I"}, epoch)
        for epoch, every in ((1, 4), (2, 2))
        for n, (text, right) in enumerate(answers(every))
    ]


@pytest.fixture
def checks(tmp_path: Path) -> Path:
    """A configuration that needs no model."""
    file = tmp_path / "checks.yaml"
    file.write_text(
        "verifiers:\n"
        "  - {name: even, kind: regex, must: ['[02468][.]']}\n"
        "  - {name: small, kind: regex, must: [' [0-9][.]']}\n"
        "  - {name: three, kind: regex, must: ['[369]']}\n"
    )
    return file


def samples_of_lm_eval(folder: Path) -> list[Path]:
    """Write two models' samples."""
    return [
        lines(
            folder / model / "samples_sums_2026-01-01.jsonl",
            [lm_eval_sample(n, [text], right) for n, (text, right) in enumerate(answers(every))],
        )
        for model, every in (("big", 4), ("small", 2))
    ]


def details_of_lighteval(folder: Path) -> list[Path]:
    """Write two models' details."""
    return [
        parquet(
            folder / f"{model}.parquet",
            [
                lighteval_detail(str(n), [text], {"em": right}, marked=True)
                for n, (text, right) in enumerate(answers(every))
            ],
        )
        for model, every in (("big", 4), ("small", 2))
    ]


@pytest.mark.parametrize(
    ("tool", "write"),
    [
        ("lm-eval", samples_of_lm_eval),
        ("lighteval", details_of_lighteval),
        ("inspect", lambda folder: [document(folder / "log.json", inspect_log(epochs()))]),
        ("inspect", lambda folder: [archive(folder / "log.eval", epochs())]),
    ],
)
def test_samples_are_ranked_and_evaluated(
    tmp_path: Path, checks: Path, tool: str, write: Any
) -> None:
    """The first sample is right in three of four: order, identity and labels all arrived."""
    rankings, ranked = tmp_path / "rankings.jsonl", tmp_path / "ranked"
    report = said("import", tool, *write(tmp_path), "-o", rankings)
    done = run("batch", rankings, ranked, "-c", checks, "--data-dir", tmp_path / "store")
    assert done.exit_code == 0, done.output

    measured = said("evaluate", *sorted(ranked.glob("*.jsonl")), "--draws", "1")

    assert report["rows"] == QUERIES
    first = next(method for method in measured["methods"] if method["name"] == "first sample")
    assert first["selection"]["value"] == pytest.approx(0.75)


def files_of_batch(folder: Path) -> list[Path]:
    """Write a batch's replies and its requests as one file."""
    requests = [batch_request(f"r{n}", chat(f"What is {n}+1?")) for n in range(QUERIES)]
    replies = [batch_reply(f"r{n}", [text]) for n, (text, _) in enumerate(answers(4))]
    return [lines(folder / "batch.jsonl", replies + requests)]


@pytest.mark.parametrize(
    ("title", "write"),
    [
        ("lm-evaluation-harness samples", samples_of_lm_eval),
        ("lighteval details", details_of_lighteval),
        ("Inspect logs", lambda folder: [archive(folder / "log.eval", epochs())]),
        ("OpenAI batch files", files_of_batch),
    ],
)
def test_samples_go_straight_into_rank(
    tmp_path: Path, checks: Path, title: str, write: Any
) -> None:
    """Without `assay import`, as one file of the tool; the first answers are in their places."""
    out = tmp_path / "ranked.jsonl"

    done = run(
        *("rank", write(tmp_path)[0], "-o", out, "-c", checks),
        *("--data-dir", tmp_path / "store"),
    )

    assert done.exit_code == 0, done.output
    assert f"read as {title}" in done.stderr
    rows = [orjson.loads(line) for line in out.read_bytes().splitlines()]
    first = [row["candidates"][0] for row in rows]
    texts = [named if isinstance(named, str) else named["text"] for named in first]
    assert texts == [text for text, _ in answers(4)]


def choices(seed: int) -> list[Row]:
    """Return samples of a multiple choice: the right option is likelier in most."""
    return [
        lm_eval_choice(n, [-2.0 - (n * seed) % 5, -2.5 - (n * seed) % 3, -3.0 - n % 4])
        for n in range(QUERIES)
    ]


def reward_file(file: Path, model: str, seed: int) -> Path:
    """Write a model's results of RewardBench."""
    values = {
        "id": list(range(QUERIES)),
        "subset": ["chat"] * QUERIES,
        "results": [1] * QUERIES,
        "text_chosen": ["right"] * QUERIES,
        "text_rejected": ["wrong"] * QUERIES,
        "scores_chosen": [1.5 + (n * seed) % 4 for n in range(QUERIES)],
        "scores_rejected": [0.5 + (n * seed) % 3 for n in range(QUERIES)],
    }
    return document(file, reward_bench_columns(model, **values))


def judged(folder: Path, name: str) -> list[Path]:
    """Write three verifiers' files of a tool."""
    if name == "lm-eval":
        return [lines(folder / f"m{seed}.jsonl", choices(seed)) for seed in (1, 2, 3)]
    if name == "lighteval":
        rows = [
            [
                lighteval_choice(str(n), [-2.0 - n % seed, -1.0 - n % 3, -3.0])
                for n in range(QUERIES)
            ]
            for seed in (2, 3, 5)
        ]
        return [parquet(folder / f"m{place}.parquet", of) for place, of in enumerate(rows)]
    if name == "rewardbench":
        return [reward_file(folder / f"r{seed}.json", f"org/r{seed}", seed) for seed in (1, 2, 3)]
    if name == "alpaca-eval":
        return [
            document(
                folder / f"a{seed}.json",
                [
                    alpaca_annotation(f"I{n}", 1 + (n * seed) % 7 / 6, annotator=f"judge-{seed}")
                    for n in range(QUERIES)
                ],
            )
            for seed in (1, 2, 3)
        ]
    return [
        lines(
            folder / f"gpt-{seed}.jsonl",
            [
                mt_rating(n, model, 1 + (n * seed + place) % 10, judge=[f"gpt-{seed}", "single-v1"])
                for n in range(QUERIES)
                for place, model in enumerate(("a", "b"))
            ],
        )
        for seed in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    ("tool", "verifiers"),
    [
        ("lm-eval", {"m1:loglikelihood", "m2:loglikelihood", "m3:loglikelihood"}),
        ("lighteval", {"m0:loglikelihood", "m1:loglikelihood", "m2:loglikelihood"}),
        ("rewardbench", {"org/r1", "org/r2", "org/r3"}),
        ("alpaca-eval", {"judge-1", "judge-2", "judge-3"}),
        ("mt-bench", {"gpt-1", "gpt-2", "gpt-3"}),
    ],
)
@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_judgments_are_fitted(tmp_path: Path, tool: str, verifiers: set[str], ending: str) -> None:
    """Each judge, model or annotator is a verifier; ids, turns and times are none."""
    scores, model = tmp_path / f"scores{ending}", tmp_path / "model.json"
    said("import", "auto", *judged(tmp_path, tool), "-o", scores, "--as", "scores")

    said("fit", scores, "-o", model)

    learned = json.loads(model.read_text())["verifiers"]
    assert {verifier["name"] for verifier in learned} == verifiers


@pytest.mark.parametrize(
    ("tool", "verifier"),
    [
        ("lm-eval", "loglikelihood"),
        ("lighteval", "loglikelihood"),
        ("rewardbench", "org/r1"),
        ("alpaca-eval", "judge-1"),
        ("mt-bench", "gpt-1"),
    ],
)
def test_judgments_go_straight_into_fit(tmp_path: Path, tool: str, verifier: str) -> None:
    """Without `assay import`, as one file of the tool."""
    model = tmp_path / "model.json"

    said("fit", judged(tmp_path, tool)[0], "-o", model)

    learned = json.loads(model.read_text())["verifiers"]
    assert [entry["name"] for entry in learned] == [verifier]


@pytest.mark.parametrize("tool", ["lm-eval", "lighteval", "rewardbench"])
def test_judgments_with_labels_go_straight_into_evaluate(tmp_path: Path, tool: str) -> None:
    """Of each query, one candidate is right."""
    measured = said("evaluate", judged(tmp_path, tool)[0], "--draws", "1")

    assert (measured["queries"], measured["rows"] * measured["base_rate"]) == (QUERIES, QUERIES)


def test_a_file_that_does_not_fit_a_command_is_refused_with_its_tool(tmp_path: Path) -> None:
    """With what it gives instead."""
    task = studio_task([studio_annotation([studio_result("choices", ["Correct"])])])
    export = document(tmp_path / "export.json", [task])
    samples = samples_of_lm_eval(tmp_path)[0]

    assert "holds Label Studio exports, which give labels, not scores" in problem(
        "fit", export, "-o", tmp_path / "m.json"
    )
    assert "has no scores of verifiers, only answers and labels" in problem("evaluate", samples)


def test_batches_are_ranked(tmp_path: Path, checks: Path) -> None:
    """All choices of a request, with its conversation."""
    requests = [batch_request(f"r{n}", chat(f"What is {n}+1?")) for n in range(3)]
    replies = [batch_reply(f"r{n}", ["It is 1.", f"It is {n + 1}."]) for n in range(3)]
    files = [lines(tmp_path / "out.jsonl", replies), lines(tmp_path / "in.jsonl", requests)]
    rankings, ranked = tmp_path / "rankings.jsonl", tmp_path / "ranked"

    said("import", "openai-batch", *files, "-o", rankings)
    done = run("batch", rankings, ranked, "-c", checks, "--data-dir", tmp_path / "store")

    assert done.exit_code == 0, done.output
    rows = [
        orjson.loads(line)
        for part in ranked.glob("*.jsonl")
        for line in part.read_bytes().splitlines()
    ]
    assert {row["id"]: len(row["score"]) for row in rows} == {"r0": 2, "r1": 2, "r2": 2}


def export_of(folder: Path, form: str) -> Path:
    """Write what a person said of an answer, as a tool of annotators exports it."""
    flat = studio_flat(QA, verdict="Correct")
    if form == "json":
        task = studio_task([studio_annotation([studio_result("choices", ["Correct"])])])
        return document(folder / "export.json", [task])
    if form == "json-min":
        return document(folder / "export.json", [flat])
    if form == "csv":
        file = folder / "export.csv"
        rows = (flat, flat.values())
        file.write_text("".join(",".join(f'"{cell}"' for cell in row) + "\n" for row in rows))
        return file
    row = argilla_2_columns(["correct"], ["submitted"])
    del row["verdict.suggestion.score"]
    return parquet(folder / "export.parquet", [row])


FORMS_OF_EXPORTS = ("json", "json-min", "csv", "argilla")


@pytest.mark.parametrize("form", FORMS_OF_EXPORTS)
def test_labels_of_people_are_labels_of_ours(tmp_path: Path, form: str) -> None:
    """In the form of `assay labels import`."""
    said("import", "auto", export_of(tmp_path, form), "-o", tmp_path / "labels.jsonl")

    (label,) = map(orjson.loads, (tmp_path / "labels.jsonl").read_bytes().splitlines())
    assert (label["query"], label["candidate"], label["correct"]) == ("2+2?", "4", 1.0)
    assert label["who"] in ("7", "u-0")


@pytest.mark.parametrize("form", FORMS_OF_EXPORTS)
def test_labels_of_people_go_straight_into_labels_import(tmp_path: Path, form: str) -> None:
    """Checked as the service checks them; the tool is printed."""
    counts = {"labels": 1, "new": 1, "matched": 1}
    with answering_by_path({"*": counts}) as service:
        done = run("labels", "import", "t", export_of(tmp_path, form), "--url", service.url)

    assert done.exit_code == 0, done.output
    assert "1 labels sent, 1 of them new" in done.stdout
    assert ("Argilla exports" if form == "argilla" else "Label Studio exports") in done.stderr


def test_a_pair_goes_into_labels_import_by_a_map(tmp_path: Path) -> None:
    """The two answers of a pair have names of their own."""
    result = studio_result("pairwise", "left", "better")
    task = studio_task([studio_annotation([result])], {"q": "2+2?", "x": "4", "y": "5"})
    file = document(tmp_path / "export.json", [task])
    with answering_by_path({"*": {"labels": 2, "new": 2, "matched": 2}}) as service:
        done = run(
            *("labels", "import", "t", file, "--map", "query=q,left=x,right=y"),
            *("--url", service.url),
        )

    assert done.exit_code == 0, done.output or done.exception


def test_older_details_of_lighteval_are_read(tmp_path: Path) -> None:
    """Their lists are lists in Parquet."""
    file = parquet(tmp_path / "d.parquet", [lighteval_flat(f"{n}+1?", ["2"]) for n in range(3)])

    assert said("import", "auto", file, "-o", tmp_path / "r.csv")["rows"] == 3
