"""The form of a file of rows, by its first bytes and its name."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path

from assay.service.domain.errors import StartupError
from assay.service.row_files.forms.endings import FORMS, Ending, RowForm, RowPacking, named_ending

FORM_TITLES: dict[RowForm, str] = {
    "jsonl": "JSON lines",
    "json": "JSON",
    "csv": "CSV",
    "tsv": "TSV",
    "parquet": "Parquet",
    "eval": "a packed log of Inspect",
}
PACKING_TITLES: dict[RowPacking, str] = {"": "", "gzip": " in gzip", "zstd": " in zstd"}
_WIDE = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
#: First bytes of what people take for a file of rows.
_OTHER_FILES = {
    b"PK\x03\x04": "a zip archive, such as a spreadsheet (.xlsx) or .npz",
    b"\xd0\xcf\x11\xe0": "a spreadsheet (.xls)",
    b"BZh": "packed by bzip2",
    b"\xfd7zXZ": "packed by xz",
    b"\x93NUMPY": "an array of numpy",
    b"SQLite format 3": "a database of SQLite",
    b"ARROW1": "an Arrow file",
    b"%PDF": "a PDF",
}


@dataclass(frozen=True, slots=True)
class FileForm:
    """How rows lie in a file; `named`: what its name states, None if nothing."""

    form: RowForm
    packing: RowPacking = ""
    named: Ending | None = None

    @property
    def of_texts(self) -> bool:
        """Whether all values are texts."""
        return self.form in ("csv", "tsv")

    def title(self) -> str:
        """Return the form in words, and where it is another than the name states."""
        words = FORM_TITLES[self.form] + PACKING_TITLES[self.packing]
        if self.named in (None, Ending(self.form, self.packing)):
            return words
        named = FORM_TITLES[self.named.form] + PACKING_TITLES[self.named.packing]
        return f"{words} (by its content; its name says {named})"


def form_of(file: Path, first: bytes, packing: RowPacking) -> FileForm:
    """Return the form of a file whose unpacked content begins with `first`.

    Its content decides, its name where the content leaves it open. Raises `StartupError` for
    content that no form has, and for a name with an ending that no form has.
    """
    named = named_ending(file)
    if first.startswith(b"PK\x03\x04") and file.suffix.lower() == ".eval":
        return FileForm("eval", packing)
    if named is None and file.suffix and file.is_file():
        raise StartupError(f"{file}: must end in {FORMS}")
    if first.startswith(b"PAR1"):
        return FileForm("parquet", packing, named)
    _refuse_other_content(file, first)
    if named is not None and named.form == "parquet" and first:
        raise StartupError(f"{file}: not Parquet (begins with {first[:20]!r})")
    return FileForm(_form_of_text(file, first, named), packing, named)


def _refuse_other_content(file: Path, first: bytes) -> None:
    for mark, encoding in _WIDE.items():
        if first.startswith(mark):
            _refuse_encoding(file, encoding)
    for mark, title in _OTHER_FILES.items():
        if first.startswith(mark):
            raise StartupError(f"{file}: is {title}: write it as {FORMS}")
    if b"\0" in first[:64]:  # as in UTF-16 without a mark, where every other byte is 0
        if len(first) > 1 and first[:2].count(b"\0") == 1:
            _refuse_encoding(file, "UTF-16BE" if first[0] == 0 else "UTF-16LE")
        place = first.index(b"\0")
        line = 1 + first.count(b"\n", 0, place)
        shown = first[max(0, place - 10) : place + 10]
        raise StartupError(f"{file}:{line}: is no text: has a byte of zero (in {shown!r})")


def _refuse_encoding(file: Path, encoding: str) -> None:
    raise StartupError(
        f"{file}:1: is {encoding}: save it as UTF-8, or convert it: iconv -f {encoding} -t UTF-8"
        " FILE > NEW"
    )


def _form_of_text(file: Path, first: bytes, named: Ending | None) -> RowForm:
    text = first.removeprefix(codecs.BOM_UTF8).lstrip()
    line = text.splitlines()[0].strip() if text else b""
    form = named.form if named is not None else None
    if line.startswith(b"[") and (form is None or _is_json(text)):
        return "json"
    if line.startswith(b"{"):
        if form in ("csv", "tsv") and not _is_object(line):
            return form
        if form == "json" or line == b"{":
            return "json"
        return "jsonl"
    if form is not None:
        return form
    if not line:
        return "jsonl"
    return "tsv" if b"\t" in line and b"," not in line else "csv"


def _is_object(line: bytes) -> bool:
    """Return whether a first line, perhaps cut, looks like an object of JSON."""
    return line[1:].lstrip()[:1] in (b'"', b"")


def _is_json(text: bytes) -> bool:
    """Return whether text that begins with a bracket goes on as a list of JSON."""
    return text[1:].lstrip()[:1] in (b"{", b"[", b"]", b'"', b"")
