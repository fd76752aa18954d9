"""Tables of scores in files: npz, Parquet or JSONL, read and written alike."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import numpy as np
import numpy.typing as npt
import orjson

from assay.service.domain.errors import StartupError
from assay.service.score_files.packed import UNREADABLE, look_into, refuse_bomb

#: Keys with a meaning of their own; in a wide table every other column of numbers is a verifier.
RESERVED = {
    "scores",
    "query_id",
    "verifier_names",
    "labels",
    "label",
    "label_random",
    "verifier_family",
    "verifier_quality",
    "verifier_kind",
    "candidate",
    "group",
    "label_raw",
    "id",
    "text",
    "query",
    "probability",
    "score",
    "row",
}
FORMATS = (".npz", ".parquet", ".jsonl")
NUMBERS = "fiub"  # kinds of numpy's
NO_PYARROW = (
    "Parquet needs pyarrow: pip install pyarrow (the extra `plot` has it), or use .npz or .jsonl"
)


class TableError(StartupError):
    """A file is not a table of scores, or lacks what is asked of it."""


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Raw scores, shape (rows, verifiers), NaN where missing, with what the file says beside
    them.
    """

    scores: npt.NDArray[Any]
    query_id: npt.NDArray[Any]
    names: tuple[str, ...]
    labels: npt.NDArray[Any] | None
    random: npt.NDArray[np.bool_] | None
    families: Mapping[str, str]
    quality: Mapping[str, float | str]

    def columns(self, names: Sequence[str]) -> npt.NDArray[Any]:
        """Return the scores in another order of the same verifiers."""
        return (
            self.scores
            if tuple(names) == self.names
            else self.scores[:, [self.names.index(name) for name in names]]
        )


def read_table(path: Path, labels: bool) -> ScoreTable:
    """Return the table in a file; raise `TableError` that names the file and what is wrong.
    Labels are read only if asked.
    """
    if path.suffix not in FORMATS:
        raise TableError(f"{path}: must end in {', '.join(FORMATS)}")
    try:
        read = {".npz": _read_npz, ".parquet": _read_parquet, ".jsonl": _read_jsonl}[path.suffix]
        return _table(path, read(path, labels), labels)
    except OSError as exc:
        raise TableError(f"{path}: cannot be read: {exc.strerror or exc}") from exc
    except UNREADABLE as exc:
        raise TableError(f"{path}: {' '.join(str(exc).split()) or type(exc).__name__}") from exc


def write_table(path: Path, columns: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write equally long columns, row for row; raise `TableError` for an ending that is not
    known.
    """
    if path.suffix == ".npz":
        with path.open("wb") as out:
            np.savez_compressed(out, **columns)  # type: ignore[arg-type]  # numpy's stub takes the names for its own flags
    elif path.suffix == ".parquet":
        arrow = load_arrow()
        arrow.parquet.write_table(
            arrow.table({name: arrow.array(values) for name, values in columns.items()}), path
        )
    elif path.suffix == ".jsonl":
        lists = {name: values.tolist() for name, values in columns.items()}
        with path.open("wb") as out:
            out.writelines(
                orjson.dumps(dict(zip(lists, row, strict=True))) + b"\n"
                for row in zip(*lists.values(), strict=True)
            )
    else:
        raise TableError(f"{path}: must end in {', '.join(FORMATS)}")


def read_json_object(path: Path, what: str) -> dict[str, Any]:
    """Return the JSON object in a file; raise `TableError` saying what it should hold."""
    try:
        found = orjson.loads(path.read_bytes())
    except OSError as exc:
        raise TableError(f"{path}: cannot be read: {exc.strerror}") from exc
    except ValueError as exc:
        raise TableError(f"{path}: not JSON: {exc}") from exc
    if not isinstance(found, dict):
        raise TableError(f"{path}: must hold {what}")
    return found


def _table(path: Path, data: Mapping[str, Any], labels: bool) -> ScoreTable:
    if "query_id" not in data:
        raise TableError(
            f"{path}: has no `query_id`; there are: {', '.join(sorted(data)) or 'no columns'}"
        )
    names = tuple(str(name) for name in _text(data["verifier_names"]))
    scores, query_id = np.asarray(data["scores"]), _text(np.asarray(data["query_id"]))
    if scores.ndim != 2 or scores.shape[1] != len(names):
        raise TableError(
            f"{path}: `scores` has the shape {scores.shape}, but there are {len(names)} verifier"
            " names"
        )
    if doubled := [name for name, count in Counter(names).items() if count > 1]:
        raise TableError(f"{path}: two verifiers are called {doubled[0]!r}; names must differ")
    if scores.dtype.kind not in NUMBERS:
        raise TableError(f"{path}: `scores` must be numbers; they are {scores.dtype}")
    _a_row_each(path, "query_id", query_id, len(scores))
    families = (
        dict(zip(names, map(str, _text(data["verifier_family"])), strict=True))
        if "verifier_family" in data
        else {}
    )
    quality = (
        dict(zip(names, data["verifier_quality"], strict=True))
        if "verifier_quality" in data
        else {}
    )
    known = data.get("labels", data.get("label")) if labels else None
    if labels and known is None:
        raise TableError(f"{path}: has no `labels`")
    if known is not None:
        _a_row_each(path, "labels", np.asarray(known), len(scores))
    return ScoreTable(
        scores=scores,
        query_id=query_id,
        names=names,
        labels=None if known is None else np.asarray(known),
        random=np.asarray(data["label_random"], bool)
        if labels and "label_random" in data
        else None,
        families={name: family for name, family in families.items() if family},
        quality={name: value for name, value in quality.items() if not _unstated(value)},
    )


def _a_row_each(path: Path, name: str, values: npt.NDArray[Any], rows: int) -> None:
    if values.shape != (rows,):
        raise TableError(f"{path}: `{name}` has the shape {values.shape}; there are {rows} rows")


def _read_npz(path: Path, labels: bool) -> dict[str, Any]:
    if path.exists() and not is_zipfile(path):
        raise TableError(f"{path}: not an npz archive")
    hidden = set() if labels else {"labels", "label", "label_random"}
    look_into(path, RESERVED - hidden)
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        data = {name: archive[name] for name in archive.files if name in RESERVED - hidden}
    for name in ("scores", "verifier_names"):
        if name not in data:
            raise TableError(
                f"{path}: has no `{name}`; an npz needs scores, query_id and verifier_names"
            )
    return data


def _read_parquet(path: Path, labels: bool) -> dict[str, Any]:
    arrow = load_arrow()
    hidden = set() if labels else {"labels", "label", "label_random"}
    try:
        found = arrow.parquet.read_metadata(path)
        groups = [found.row_group(number).total_byte_size for number in range(found.num_row_groups)]
        refuse_bomb(path, max(sum(groups), 8 * found.num_rows * found.num_columns))
        columns = [name for name in arrow.parquet.read_schema(path).names if name not in hidden]
        table = arrow.parquet.read_table(path, columns=columns)
    except arrow.ArrowException as exc:
        raise TableError(f"{path}: not Parquet: {exc}") from exc
    if {"raw", "row"} <= set(columns):
        return _from_rankings(arrow, table, labels)
    if "scores" in table.column_names:
        return _from_rows(path, {name: table[name].to_pylist() for name in table.column_names})
    plain = [
        name for name in table.column_names if name in RESERVED and not name.startswith("verifier_")
    ]
    data: dict[str, Any] = {name: table[name].to_numpy() for name in plain}
    verifiers = [
        field.name
        for field in table.schema
        if field.name not in RESERVED and _is_number(arrow, field.type)
    ]
    return {**data, **_wide(path, {name: table[name].to_numpy() for name in verifiers})}


def _read_jsonl(path: Path, labels: bool) -> dict[str, Any]:
    rows = []
    for number, line in enumerate(path.read_bytes().removeprefix(BOM_UTF8).splitlines(), 1):
        if line.strip():
            try:
                row = orjson.loads(line)
            except ValueError as exc:
                raise TableError(f"{path}:{number}: not JSON: {exc}") from exc
            if not isinstance(row, dict):
                raise TableError(f"{path}:{number}: must be an object")
            rows.append(row)
    if any("results" in row for row in rows):
        rows = _rows_of_answers(path, rows)
    elif any("raw" in row for row in rows):
        rows = _rows_of_rankings(path, rows)
    if not rows:
        raise TableError(f"{path}: has no rows")
    keys = dict.fromkeys(key for row in rows for key in row)
    columns = {key: [row.get(key) for row in rows] for key in keys}
    if "scores" in columns:
        return _from_rows(path, columns)
    found = {
        key: values
        for key, values in columns.items()
        if key not in RESERVED and all(map(_number_or_none, values))
    }
    return {
        **{
            key: _labels(values)
            for key, values in columns.items()
            if key in RESERVED and not key.startswith("verifier_")
        },
        **_wide(path, {key: np.array(values, np.float64) for key, values in found.items()}),
    }


def _rows_of_answers(path: Path, answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each candidate of answers to /v1/rank, as `assay rank` writes them.

    Errors have none, nor do queries of which a cascade cut a candidate: what is missing there is so
    because of the scores.
    """
    rows = []
    for answer in answers:
        results = answer.get("results") or []
        if any(
            isinstance(result, dict) and result.get("fully_scored") is False for result in results
        ):
            continue
        for result in results:
            said = result.get("verifiers") if isinstance(result, dict) else None
            if not isinstance(said, dict) or not all(
                isinstance(each, dict) for each in said.values()
            ):
                raise TableError(
                    f'{path}: has answers without the verifiers\' scores: ask with "explain": true'
                )
            beside = {
                key: result[key] for key in ("label", "labels", "label_random") if key in result
            }
            scores = {name: each.get("raw") for name, each in said.items()}
            rows.append(
                {"query_id": str(answer.get("line", answer.get("id"))), "scores": scores, **beside}
            )
    return rows


def _rows_of_rankings(path: Path, rankings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each candidate of rows that `assay batch` wrote; those without scores
    have none.
    """
    rows = []
    for ranking in rankings:
        raw = ranking.get("raw")
        if raw is None:
            continue
        if (
            not isinstance(raw, dict)
            or not isinstance(ranking.get("score"), list)
            or "row" not in ranking
        ):
            raise TableError(f"{path}: has `raw`, but is not what `assay batch` writes")
        labels = ranking.get("labels")
        for place in range(len(ranking["score"])):
            scores = {name: None if of is None else of[place] for name, of in raw.items()}
            beside = {} if labels is None else {"labels": labels[place]}
            rows.append(
                {"query_id": f"{ranking.get('file')}:{ranking['row']}", "scores": scores, **beside}
            )
    return rows


def _from_rankings(arrow: Any, table: Any, labels: bool) -> dict[str, Any]:
    """Return a row for each candidate of a table that `assay batch` wrote."""
    table = table.filter(arrow.compute.is_valid(table["raw"])).combine_chunks()
    sizes = arrow.compute.list_value_length(table["score"]).to_numpy()
    query_id = [
        f"{file}:{row}"
        for file, row in zip(table["file"].to_pylist(), table["row"].to_pylist(), strict=True)
    ]
    raw = table["raw"].combine_chunks()
    names = [field.name for field in raw.type]
    scores = np.column_stack([_flat(arrow, raw.field(place), sizes) for place in range(len(names))])
    data = {
        "scores": scores,
        "verifier_names": names,
        "query_id": np.repeat(np.array(query_id), sizes),
    }
    if labels and "labels" in table.column_names:
        data["labels"] = _flat(arrow, table["labels"].combine_chunks(), sizes)
    return data


def _flat(arrow: Any, lists: Any, sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return lists of numbers one behind the other; where there is none, NaN as often as the row
    has candidates.
    """
    flat = np.full(int(sizes.sum()), np.nan)
    there = np.repeat(arrow.compute.is_valid(lists).to_numpy(zero_copy_only=False), sizes)
    flat[there] = arrow.compute.cast(arrow.compute.list_flatten(lists), arrow.float64()).to_numpy(
        zero_copy_only=False
    )
    return flat


def _from_rows(path: Path, columns: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Return columns whose `scores` are an object or a list a row.

    Names are the object's keys, or the first row's `verifier_names`; what else is said of verifiers
    is in the first row too.
    """
    scores = columns["scores"]
    data = {
        key: _labels(values)
        for key, values in columns.items()
        if key in RESERVED and not key.startswith("verifier_")
    }
    if all(isinstance(row, dict) for row in scores):
        names = list(dict.fromkeys(name for row in scores for name in row))
        matrix = [[row.get(name) for name in names] for row in scores]
    elif all(isinstance(row, list) and len(row) == len(scores[0]) for row in scores):
        places = [f"v{place}" for place in range(len(scores[0]))]
        names, matrix = _of_verifiers(path, columns, "verifier_names", places) or places, scores
    else:
        raise TableError(
            f"{path}: `scores` must be an object, or a list of one length, in every row"
        )
    for row, column in (
        (r, c)
        for r, values in enumerate(matrix)
        for c, value in enumerate(values)
        if not _number_or_none(value)
    ):
        raise TableError(
            f"{path}: scores: row {row}, verifier {names[column]!r}: not a number:"
            f" {str(matrix[row][column])[:40]!r}"
        )
    said = {
        key: _of_verifiers(path, columns, key, names)
        for key in ("verifier_family", "verifier_quality")
    }
    data |= {key: values for key, values in said.items() if values is not None}
    return {
        **data,
        "scores": np.array(matrix, np.float64).reshape(len(scores), len(names)),
        "verifier_names": names,
    }


def _of_verifiers(
    path: Path, columns: Mapping[str, list[Any]], key: str, names: Sequence[str]
) -> list[Any] | None:
    """Return what the first row says of each verifier, as a list or an object; None where it
    says nothing.
    """
    said = columns.get(key, [None])[0]
    if isinstance(said, dict):
        said = [said.get(name) for name in names]
    if said is None:
        return None
    if (
        not isinstance(said, list)
        or len(said) != len(names)
        or not all(isinstance(each, (str, float, int, type(None))) for each in said)
    ):
        raise TableError(
            f"{path}: `{key}` must say something of each of {len(names)} verifiers, in the"
            " first row"
        )
    if key == "verifier_names" and not all(isinstance(each, str) for each in said):
        raise TableError(f"{path}: `verifier_names` must be strings")
    return ["" if each is None and key == "verifier_family" else each for each in said]


def _wide(path: Path, columns: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
    if not columns:
        raise TableError(
            f"{path}: has no `scores`, and no column of numbers that could be a verifier"
        )
    return {"scores": np.column_stack(list(columns.values())), "verifier_names": list(columns)}


def _labels(values: list[Any]) -> list[Any] | npt.NDArray[Any]:
    """Return a column as an array, None among numbers as NaN."""
    if all(map(_number_or_none, values)) and None in values:
        return np.array(values, np.float64)
    return values


def _text(values: Any) -> Any:
    """Return strings for bytes and objects."""
    array = np.asarray(values)
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8")
    return array.astype(str) if array.dtype.kind == "O" else array


def _number_or_none(value: Any) -> bool:
    return value is None or isinstance(value, (int, float))


def _unstated(value: Any) -> bool:
    return value is None or value == "" or value != value


def _is_number(arrow: Any, kind: Any) -> bool:
    return bool(
        arrow.types.is_floating(kind)
        or arrow.types.is_integer(kind)
        or arrow.types.is_boolean(kind)
    )


def load_arrow() -> Any:
    """Return pyarrow with its Parquet part; raise `TableError` where it is not installed."""
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError:
        raise TableError(NO_PYARROW) from None
    return pyarrow
