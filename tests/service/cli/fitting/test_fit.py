"""`assay fit`, as a user runs it."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import numpy as np
import pytest

from assay.aggregation.label_model.saved.artifact import from_dict, load_model, version_of
from assay.service.row_files.forms.endings import ending_of
from assay.service.row_files.writing import encoded
from tests.support.commands.in_process import SAMPLE, as_npz, problem, run, said


def test_labels_are_read_only_when_asked(tmp_path: Path) -> None:
    """A file whose labels are nonsense is fitted without them, and refused with them."""
    data = as_npz(tmp_path / "scores.npz", labels=np.full(480, 7))
    plain = as_npz(tmp_path / "plain.npz")

    assert (
        said("fit", data, "-o", tmp_path / "a.json")["version"]
        == said("fit", plain, "-o", tmp_path / "b.json")["version"]
    )
    assert "'labels', row 0: 7 is no label" in problem(
        "fit", data, "-o", tmp_path / "c.json", "--labels"
    )
    assert "has no `labels`" in problem("fit", plain, "-o", tmp_path / "c.json", "--labels")
    assert not (tmp_path / "c.json").exists()


def test_labels_calibrate(tmp_path: Path) -> None:
    """-1 is unknown; a file may mark the random labels, which alone set the base rate."""
    labels = np.where(SAMPLE.query_id < 20, SAMPLE.labels, -1)
    data = as_npz(tmp_path / "scores.npz", labels=labels, label_random=np.arange(480) % 4 == 0)

    fit = said("fit", data, "-o", tmp_path / "m.json", "--labels")

    assert (fit["labels"]["labels"], fit["labels"]["random"], fit["calibrated"]) == (120, 30, False)
    assert fit["base_rate"] == {
        "value": pytest.approx(SAMPLE.labels[:120:4].mean()),
        "from": "labels",
    }
    assert any("at random" in warning for warning in fit["warnings"])


def test_a_fit_may_borrow(tmp_path: Path) -> None:
    """From models of other tasks; one that cannot be read is named."""
    data = as_npz(tmp_path / "a.npz", labels=np.where(SAMPLE.query_id < 10, SAMPLE.labels, -1))
    said(
        "fit",
        as_npz(tmp_path / "b.npz", labels=SAMPLE.labels),
        "-o",
        tmp_path / "b.json",
        "--labels",
    )

    fit = said("fit", data, "-o", tmp_path / "a.json", "--labels", "--borrow", tmp_path / "b.json")

    assert sum(prior["share"] for prior in fit["priors"] if prior["loan"] > 0) > 0.5
    assert (
        "borrowed weights"
        in run(
            "fit", data, "-o", tmp_path / "a.json", "--labels", "--borrow", tmp_path / "b.json"
        ).stdout
    )
    assert "none.json: cannot be read" in problem(
        "fit", data, "-o", tmp_path / "a.json", "--borrow", tmp_path / "none.json"
    )


def test_several_files_are_one_data_set(tmp_path: Path) -> None:
    """In any order, with columns in any order; a query belongs in one of them."""
    whole = as_npz(tmp_path / "whole.npz", labels=SAMPLE.labels)
    names = []
    for part in range(4):
        rows, order = SAMPLE.query_id % 4 == part, np.roll(np.arange(6), part)
        names.append(
            as_npz(
                tmp_path / f"{part}.npz",
                scores=SAMPLE.scores[rows][:, order],
                query_id=SAMPLE.query_id[rows],
                verifier_names=np.array(SAMPLE.names)[order],
                labels=SAMPLE.labels[rows],
            )
        )

    said("fit", whole, "-o", tmp_path / "a.json", "--labels")
    said("fit", *names, "-o", tmp_path / "b.json", "--labels")

    one, other = (
        load_model(tmp_path / f"{name}.json").score_samples(SAMPLE.scores, SAMPLE.query_id)
        for name in "ab"
    )
    assert other == pytest.approx(one, abs=1e-8)
    assert "query 0 is in" in problem("fit", whole, names[0], "-o", tmp_path / "c.json")
    odd = as_npz(tmp_path / "odd.npz", verifier_names=np.array([*SAMPLE.names[:5], "other"]))
    assert "has other verifiers" in problem("fit", whole, odd, "-o", tmp_path / "c.json")


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A folder that is not there, an ending that is not known."""
    data = as_npz(tmp_path / "a.npz")
    assert "cannot be written" in problem("fit", data, "-o", tmp_path / "none" / "m.json")
    said("fit", data, "-o", tmp_path / "m.json")
    assert "must end in" in problem(
        "predict", tmp_path / "m.json", data, "-o", tmp_path / "out.txt"
    )
    assert "cannot be written" in problem(
        "predict", tmp_path / "m.json", data, "-o", tmp_path / "none" / "out.npz"
    )
    assert "cannot be read" in problem(
        "predict", tmp_path / "none.json", data, "-o", tmp_path / "out.npz"
    )


def test_a_folder_is_refused_before_the_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its own name, and not with that of the input."""
    data = as_npz(tmp_path / "a.npz")
    monkeypatch.chdir(tmp_path)

    for folder in (".", tmp_path):
        assert problem("fit", data, "-o", folder).startswith(f"{folder}: cannot be written: it is")


def test_a_model_is_written_where_a_link_leads(tmp_path: Path) -> None:
    """The link stays one, and the older model's permissions stay."""
    model, link = tmp_path / "m.json", tmp_path / "link.json"
    model.write_text("old")
    model.chmod(0o640)
    link.symlink_to(model)

    fit = said("fit", as_npz(tmp_path / "a.npz"), "-o", link)

    assert link.is_symlink()
    assert fit["version"] == version_of(load_model(model))
    assert stat.S_IMODE(model.stat().st_mode) == 0o640


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such pipes")
def test_a_model_goes_into_a_pipe(tmp_path: Path) -> None:
    """It stays a pipe, and its reader gets the whole model."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()

    fit = said("fit", as_npz(tmp_path / "a.npz"), "-o", pipe)
    reader.join(10)

    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert version_of(from_dict(json.loads(read[0]))) == fit["version"]


def test_the_report_reads_well(tmp_path: Path) -> None:
    """For people: the data of the fit, its trust, and each verifier."""
    labels = np.where(SAMPLE.query_id < 30, SAMPLE.labels, -1)
    result = run(
        "fit", as_npz(tmp_path / "a.npz", labels=labels), "-o", tmp_path / "m.json", "--labels"
    )

    for expected in (
        "480 rows of 80 queries",
        "180 labels"[:3],
        "calibrated",
        "cross-validated",
        *SAMPLE.names,
    ):
        assert expected in " ".join(result.stdout.split())


def test_no_input_is_written_over(tmp_path: Path) -> None:
    """A table, a model and a statement stay as they are, also in a folder and behind a link."""
    scores, model, link = tmp_path / "s.npz", tmp_path / "m.json", tmp_path / "link.npz"
    as_npz(scores)
    said("fit", str(scores), "-o", str(model), "--json")
    link.symlink_to(scores)
    before = scores.read_bytes(), model.read_bytes()

    for words in (
        ("fit", str(scores), "-o", str(link)),
        ("fit", str(tmp_path), "-o", str(scores)),
        ("fit", str(scores), "--borrow", str(model), "-o", str(model)),
        ("fit", str(scores), "--families", str(model), "-o", str(model)),
        ("predict", str(model), str(scores), "-o", str(link)),
        ("predict", str(model), str(scores), "-o", str(model)),
    ):
        assert "is the same file as the input" in problem(*words), words
    assert (scores.read_bytes(), model.read_bytes()) == before


def test_a_file_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    """By name, or as part of its folder; nothing is written."""
    data, out = as_npz(tmp_path / "scores.npz"), tmp_path / "m.json"

    assert "scores.npz: is given twice" in problem("fit", data, data, "-o", out)
    assert "scores.npz: is given twice" in problem("fit", tmp_path, data, "-o", out)
    assert not out.exists()


def test_what_was_understood_is_printed_and_stored(tmp_path: Path) -> None:
    """On stderr, in `--json`, and in the model, which reads as before."""
    rows = [{"query_id": n // 4, "turn": 1, "label": 1, "a": n % 3, "b": n % 5} for n in range(40)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    fitted = said("fit", tmp_path / "t.jsonl", "-o", tmp_path / "m.json")
    shown = run("fit", tmp_path / "t.jsonl", "-o", tmp_path / "m.json")

    assert fitted["understood"]["left_out"] == {
        "label": "labels are read only with --labels",
        "turn": "a number of the turn",
    }
    assert json.loads((tmp_path / "m.json").read_text())["understood"] == fitted["understood"]
    assert version_of(load_model(tmp_path / "m.json")) == fitted["version"]
    assert "verifiers: a, b\nleft out: label (labels" in shown.stderr


@pytest.mark.parametrize("ending", ["csv", "tsv", "json", "jsonl.gz", "csv.zst", "ndjson"])
def test_a_table_is_read_in_any_form(tmp_path: Path, ending: str) -> None:
    """With the same model as in JSON lines."""
    rows = [
        {"query_id": f"q{query}", "label": int(label), "a": float(a), "b": float(b)}
        for query, label, (a, b) in zip(
            SAMPLE.query_id, SAMPLE.labels, np.nan_to_num(SAMPLE.scores[:, :2]), strict=True
        )
    ]
    plain, packed = tmp_path / "t.jsonl", tmp_path / f"x.{ending}"
    plain.write_text("".join(json.dumps(row) + "\n" for row in rows))
    packed.write_bytes(encoded(rows, {}, ending_of(packed)))

    version = said("fit", plain, "-o", tmp_path / "m.json", "--labels")["version"]

    assert said("fit", packed, "-o", tmp_path / "m.json", "--labels")["version"] == version


def test_ids_that_were_lost_are_named(tmp_path: Path) -> None:
    """As Excel leaves them, in whichever file: printed, and in `--json` under `understood`."""
    for name, query in (("a", "q{}"), ("b", "1.5771{}E+18")):
        rows = [f"{query.format(row // 3)},{row % 7},{row % 5}\n" for row in range(30)]
        (tmp_path / f"{name}.csv").write_text("".join(["query_id,judge,rm\n", *rows]))

    fit = said("fit", tmp_path / "a.csv", tmp_path / "b.csv", "-o", tmp_path / "m.json")

    [note] = fit["understood"]["notes"]
    assert note.startswith(f"{tmp_path / 'b.csv'}: warning: 30 query ids are rounded numbers")
