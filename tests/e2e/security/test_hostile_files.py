"""A command that reads a hostile file reports the fault in one line, soon, without a traceback."""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from assay.aggregation import LabelModel
from assay.aggregation.label_model.saved.artifact import to_dict
from assay.service.config.problems import ConfigError
from assay.service.learning.configured_models import load_models
from assay.service.runtime.configuration import load_config
from tests.support.commands.as_shell import command
from tests.support.commands.in_process import SAMPLE, as_npz

MODEL = to_dict(LabelModel().fit(SAMPLE.scores, SAMPLE.query_id, verifier_names=SAMPLE.names))
GOOD = b"verifiers: [{name: a, kind: arithmetic}]\n"


def laughs(levels: int, of: str = "[{}]") -> bytes:
    """Return YAML whose aliases stand for ten to the power of `levels` values."""
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"l{level}: &l{level} {of.format(', '.join([f'*l{level - 1}'] * 10))}"
        for level in range(1, levels)
    ]
    return "\n".join(lines).encode() + b"\n" + GOOD


CONFIGS: dict[str, bytes] = {
    "aliases": laughs(30), "merged aliases": b"a: &a {x: 1}\n" + b"".join(
        b"b%d: &b%d {<<: [%s]}\n" % (n, n, b", ".join([b"*b%d" % (n - 1) if n else b"*a"] * 10)) for n in range(20)
    ) + GOOD,
    "an alias in itself": b"a: &a [*a]\n" + GOOD, "a mapping in itself": b"a: &a {b: *a}\n" + GOOD,
    "a list as key": b"? [a, b]\n: 1\n", "a mapping as key": b"{{a: 1}: 2}\n", "an alias as key": b"a: &a [1]\n? *a\n: 1\n",
    "deep lists": b"a: " + b"[" * 5000 + b"]" * 5000, "deep mappings": b"{a: " * 3000 + b"1" + b"}" * 3000,
    "deep by lines": b"\n".join(b" " * n + b"a:" for n in range(500)), "deep, unclosed": b"[" * 100_000,
    "latin-1": "name: caf\xe9\n".encode("latin-1"), "utf-16": "a: 1\n".encode("utf-16"), "zeros": b"\x00" * 1000, "bytes": bytes(range(256)),
    "a huge int": b"service: {port: " + b"1" * 100_000 + b"}\n" + GOOD, "a hex int": b"a: 0x" + b"f" * 100_000 + b"\n",
    "a sexagesimal int": b"a: 1" + b":1" * 100_000 + b"\n", "a float": b"a: " + b"1" * 100_000 + b".5\n", "an int as key": b"1" * 9999 + b": a\n",
    "an empty int": b"a: !!int \"\"\n", "a date that is none": b"a: 2026-99-99\n", "a timestamp that is none": b"a: !!timestamp x\n",
    "a bool that is none": b"a: !!bool x\n", "an object": b"a: !!python/object/apply:os.system [id]\n", "a binary that is none": b"a: !!binary x\n",
    "a set": b"a: !!set [x]\n", "an ordered map": b"a: !!omap {x: 1}\n", "a tag": b"a: !x y\n", "a directive": b"%YAML 9.9\n---\na: 1\n",
    "two documents": b"a: 1\n---\nb: 2\n", "a list": b"[1]\n", "a number": b"5\n", "nothing": b"", "a comment": b"# x\n", "null": b"null\n",
    "tabs": b"a:\n\tb: 1\n", "an unknown alias": b"a: *b\n", "no end": b"a: \"b\n", "a key twice": b"a: 1\na: 2\n", "a key twice, by type": b"1: a\n\"1\": b\n",
    "an int key": b"5: 6\n" + GOOD, "a null key": b"~: 6\n" + GOOD, "verifiers a text": b"verifiers: x\n", "verifiers of numbers": b"verifiers: [5, null]\n",
    "verifiers a mapping": b"verifiers: {a: b}\n", "a kind that is a list": b"verifiers: [{name: a, kind: [x]}]\n", "tasks a list": GOOD + b"tasks: [x]\n",
    "a task that is none": GOOD + b"tasks: {t: 5}\n", "ensembles a text": GOOD + b"ensembles: x\n", "ensembles odd": GOOD + b"ensembles: {e: [[x]]}\n",
    "a service that is a list": GOOD + b"service: [x]\n", "use odd": b"verifiers: [{use: [x]}]\n", "use unknown": b"verifiers: [{use: x}]\n",
    "a name that is a number": b"verifiers: [{name: 5, kind: arithmetic}]\n", "tiers odd": GOOD + b"tasks: {t: {tiers: [[5], x]}}\n",
    "many keys": b"".join(b"k%d: 1\n" % n for n in range(150_000)), "much": b"a: " + b"x" * (2 << 20), "upstreams odd": GOOD + b"upstreams: [5]\n",
    "aliases odd": GOOD + b"model_aliases: {a: [b]}\n", "infinite": GOOD + b"service: {port: .inf}\n",
}  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", CONFIGS)
def test_a_hostile_configuration_is_a_message(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the file, to whichever command reads it."""
    path = tmp_path / "e.yaml"
    path.write_bytes(CONFIGS[name])

    for words in (
        ("config", "check", path, "--offline"),
        ("plan", path),
        ("doctor", "--config", path),
        ("serve", "--config", path),
    ):
        code, printed = command(capsys, monkeypatch, *words)
        assert code in (1, 2), printed
        assert "Traceback" not in printed
        assert printed.startswith(str(path)) or "model" in printed, printed
        assert len(printed) < 4000


@pytest.mark.parametrize("what", ["device", "pipe", "folder", "long"])
@pytest.mark.parametrize("key", ["model", "ca_file", "client_cert", "client_key"])
def test_a_path_in_a_configuration_leads_to_a_file_with_an_end(
    tmp_path: Path, key: str, what: str
) -> None:
    """A file without an end, or too long for its purpose, is a message before it is read."""
    target = tmp_path / "target"
    if what == "device":
        target = Path("/dev/zero")
    elif what == "pipe":
        os.mkfifo(target)
    elif what == "folder":
        target.mkdir()
    else:
        with target.open("wb") as file:
            file.truncate(65 << 20)
    parts = (
        f"tasks: {{t: {{model: {target}}}}}" if key == "model" else f"service: {{{key}: {target}}}"
    )
    if key == "client_key":
        parts = f"service: {{client_cert: {tmp_path / 'e.yaml'}, client_key: {target}}}"
    path = tmp_path / "e.yaml"
    path.write_text(f"verifiers: [{{name: c, kind: consensus}}]\n{parts}\n")

    with pytest.raises(ConfigError, match=str(target)) as printed:
        load_models(load_config(path, {}, {}))

    assert len(str(printed.value).splitlines()) == 1


# scores
# -------------------------------------------------------------------------------------------------------------


def npz(
    shape: str = "(8,)",
    kind: str = "'<f8'",
    body: bytes = b"\0" * 64,
    method: int = zipfile.ZIP_STORED,
    fortran: str = "False",
) -> bytes:
    """Return an archive whose scores have a header of one's own."""
    header = f"{{'descr': {kind}, 'fortran_order': {fortran}, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    member = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body
    out, names = io.BytesIO(), io.BytesIO()
    np.save(names, np.array(["a"]))
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("scores.npy", member)
        archive.writestr("verifier_names.npy", names.getvalue())
        archive.writestr("query_id.npy", member)
        archive.writestr("labels.npy", member)
    return out.getvalue()


def arrays(**named: Any) -> bytes:
    """Return an archive of arrays."""
    out = io.BytesIO()
    np.savez(
        out,
        **{
            "scores": np.zeros((4, 1)),
            "verifier_names": np.array(["a"]),
            "query_id": np.arange(4),
            "labels": np.arange(4) % 2,
            **named,
        },
    )
    return out.getvalue()


def parquet(**columns: Any) -> bytes:
    """Return a Parquet file."""
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), out)
    return out.getvalue()


def encrypted() -> bytes:
    """Return an archive that says that it is encrypted."""
    raw = bytearray(npz())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := raw.find(mark, at + 1)) >= 0:
            raw[at + place] |= 1
    return bytes(raw)


OBJECTS = np.array([{"a": 1}, None, 1, 2], dtype=object)
WHOLE = npz()
TABLES: dict[str, bytes] = {
    "8 TB.npz": npz("(1000000000000,)"), "2 d of 8 EB.npz": npz("(1000000000, 1000000000)"), "negative.npz": npz("(-1,)"), "deflated 8 TB.npz": npz("(1000000000000,)", method=zipfile.ZIP_DEFLATED),
    "objects.npz": arrays(scores=OBJECTS.reshape(4, 1)), "objects as ids.npz": arrays(query_id=OBJECTS), "text.npz": arrays(scores=np.full((4, 1), "x")),
    "complex.npz": arrays(scores=np.full((4, 1), 1j)), "dates.npz": arrays(scores=np.full((4, 1), np.datetime64("2026-01-01"))), "flat.npz": arrays(scores=np.zeros(4)),
    "records.npz": arrays(scores=np.zeros((4, 1), [("a", "f8")])), "a name alone.npz": arrays(verifier_names=np.array("a")), "ids of 2 d.npz": arrays(query_id=np.zeros((4, 4))),
    "few ids.npz": arrays(query_id=np.arange(3)), "few labels.npz": arrays(labels=np.arange(3)), "labels of text.npz": arrays(labels=np.full(4, "x")),
    "no rows.npz": arrays(scores=np.zeros((0, 1)), query_id=np.zeros(0), labels=np.zeros(0)), "no names.npz": arrays(verifier_names=np.array([], str), scores=np.zeros((4, 0))),
    "families odd.npz": arrays(verifier_family=np.arange(7)), "infinite.npz": arrays(scores=np.full((4, 1), np.inf)), "a kind that is none.npz": npz(kind="'x9'"),
    "a kind that is code.npz": npz(kind="__import__('os')"), "deep.npz": npz("(" * 4000), "a header that is none.npz": npz("{"), "cut.npz": WHOLE[: len(WHOLE) // 2],
    "damaged.npz": WHOLE.replace(b"\0" * 64, b"\1" * 64, 1), "encrypted.npz": encrypted(), "empty.npz": b"", "no archive.npz": b"x" * 1000, "no arrays.npz": b"PK\x05\x06" + b"\0" * 18,
    "deflated and damaged.npz": npz(method=zipfile.ZIP_DEFLATED)[:80] + b"\xff" * 20 + npz(method=zipfile.ZIP_DEFLATED)[100:],
    "empty.jsonl": b"", "latin-1.jsonl": '{"query_id": "caf\xe9", "a": 1}\n'.encode("latin-1"), "deep.jsonl": b"[" * 5000 + b"]" * 5000, "list.jsonl": b"[1]\n",
    "scores odd.jsonl": b'{"query_id": 1, "scores": 5}\n', "scores of lists.jsonl": b'{"query_id": 1, "scores": [[1]]}\n', "scores none.jsonl": b'{"query_id": 1, "scores": {}}\n',
    "ids odd.jsonl": b'{"query_id": [1], "scores": {"a": 1}, "labels": 1}\n{"query_id": {}, "scores": {"a": 2}, "labels": 0}\n',
    "results odd.jsonl": b'{"results": 5}\n', "results odder.jsonl": b'{"results": [5]}\n', "results of verifiers.jsonl": b'{"results": [{"verifiers": {"a": {"raw": []}}}]}\n',
    "raw odd.jsonl": b'{"raw": {"a": 5}, "score": [1], "row": 1}\n', "raw short.jsonl": b'{"raw": {"a": []}, "score": [1], "row": 1, "labels": 5}\n', "bom.jsonl": b"\xff\xfe{\0",
    "names odd.jsonl": b'{"query_id": 1, "scores": [1], "verifier_names": 5, "labels": 1}\n', "huge.jsonl": b'{"query_id": 1, "scores": {"a": ' + b"9" * 5000 + b'}}\n',
    "empty.parquet": b"", "no.parquet": b"PAR1" + b"x" * 100 + b"PAR1", "cut.parquet": parquet(a=[1.0])[:50], "no ids.parquet": parquet(a=[1.0]),
    "raw alone.parquet": parquet(raw=[1.0], row=[1]), "raw of lists.parquet": parquet(raw=[[1.0]], row=[1], score=[[1.0]], file=["x"]),
    "scores odd.parquet": parquet(query_id=[1], scores=["x"]), "ids odd.parquet": parquet(query_id=[[1]], scores=[[1.0]], labels=[1.0]), "labels odd.parquet": parquet(query_id=[1], a=[1.0], labels=["x"]),
}  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", TABLES)
def test_a_hostile_table_is_a_message(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """To each command that reads scores; nothing is unpacked that is not there."""
    path, good = tmp_path / name, as_npz(tmp_path / "good.npz", labels=SAMPLE.labels)
    path.write_bytes(TABLES[name])
    model = tmp_path / "model.json"
    model.write_text(json.dumps(MODEL))

    for words in (
        ("fit", path, "--out", tmp_path / "out.json"),
        ("fit", "--labels", path, "--out", tmp_path / "out.json"),
        ("fit", good, path, "--out", tmp_path / "out.json"),
        ("predict", model, path, "--out", tmp_path / "out.npz"),
        ("evaluate", path),
        ("evaluate", "--cascade", path),
    ):
        code, printed = command(capsys, monkeypatch, *words)
        assert code == 2 or (code == 0 and words[0] == "predict"), printed
        assert "Traceback" not in printed


def test_an_archive_that_would_become_far_more_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the bound set low, since a test need not fill a disk."""
    monkeypatch.setattr("assay.service.score_files.packed.UNPACKED", 1 << 20)
    path = tmp_path / "a.npz"
    path.write_bytes(npz("(400000,)", body=b"\0" * 3_200_000, method=zipfile.ZIP_DEFLATED))

    code, printed = command(capsys, monkeypatch, "evaluate", path)

    assert code == 2
    assert "when unpacked" in printed


def test_fortran_order_is_read(tmp_path: Path) -> None:
    """It is another order of the same numbers."""
    from assay.service.score_files.tables import read_table

    path = tmp_path / "a.npz"
    np.savez(
        path,
        scores=np.asfortranarray(SAMPLE.scores),
        query_id=SAMPLE.query_id,
        verifier_names=np.array(SAMPLE.names),
    )

    assert np.array_equal(read_table(path, labels=False).scores, SAMPLE.scores, equal_nan=True)


# models, statements, labels
# -----------------------------------------------------------------------------------------


def signed(**changes: Any) -> bytes:
    """Return a model with changes, and the checksum that they need."""
    data = {**MODEL, **changes}
    data.pop("sha256")
    return json.dumps(
        {**data, "sha256": hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()}
    ).encode()


MODELS = {
    "deep": b"[" * 100_000, "digits": b"1" * 5000, "latin-1": b"\xff", "empty": b"", "odd": b"[]", "no verifiers": signed(verifiers=5), "names": signed(verifiers=["a"]),
    "a huge rate": signed(base_rate=10**400), "a head": signed(head=[]), "fitted on nothing": signed(fitted_on=5), "joint": signed(joint={"covariance": 5}), "trust": signed(trust=None),
    "correlations": signed(correlations=[[{}]]), "priors": signed(priors=5), "deep, signed": b'{"kind": "label_model", "format": 1, "x": ' + b"[" * 900 + b"]" * 900 + b"}",
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_a_hostile_model_is_a_message(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named on the command line or in a configuration."""
    path, good, config = tmp_path / "m.json", as_npz(tmp_path / "good.npz"), tmp_path / "e.yaml"
    path.write_bytes(MODELS[name])
    config.write_bytes(GOOD + b"tasks: {t: {model: m.json}}\n")

    for words in (
        ("predict", path, good, "-o", tmp_path / "o.npz"),
        ("fit", good, "--borrow", path, "-o", tmp_path / "o.json"),
        ("config", "check", config, "--offline"),
    ):
        code, printed = command(capsys, monkeypatch, *words)
        assert code in (1, 2), printed
        assert str(path) in printed.replace("\n", "")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"5",
        b"[" * 5000,
        b"\xff",
        b'{"v0": []}',
        b'{"v0": null}',
        b'{"zz": 1}',
        b'{"v0": 1e999}',
        b"{" * 99,
        b"\xef\xbb\xbf{",
    ],
)
def test_a_hostile_statement_is_a_message(
    content: bytes,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Families, qualities, costs."""
    path, good = tmp_path / "s.json", as_npz(tmp_path / "good.npz", labels=SAMPLE.labels)
    path.write_bytes(content)

    for words in (
        ("fit", good, "--families", path, "-o", tmp_path / "o.json"),
        ("fit", good, "--quality", path, "-o", tmp_path / "o.json"),
        ("evaluate", good, "--families", path),
        ("evaluate", good, "--cascade", "--costs", path),
    ):
        code, printed = command(capsys, monkeypatch, *words)
        assert code == 2, printed
        assert "Traceback" not in printed


def test_hostile_labels_in_parquet_are_a_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No Parquet, and values that JSON does not have."""
    for content in (b"", b"PAR1", parquet(key=[b"\xff"], correct=[1.0])):
        path = tmp_path / "l.parquet"
        path.write_bytes(content)
        code, printed = command(capsys, monkeypatch, "labels", "import", "t", path)
        assert code == 2, printed
        assert printed.startswith(str(path))
