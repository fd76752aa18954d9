"""A YAML file, read within bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.service.config.yaml_file import MAX_DIGITS, MAX_FILE_BYTES, YamlError, read_yaml


def written(folder: Path, text: str | bytes) -> Path:
    """Write a file."""
    path = folder / "e.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_aliases_and_merges_of_a_sane_size_are_read(tmp_path: Path) -> None:
    """A file that says things once; a mark of its byte order does not matter."""
    path = written(
        tmp_path,
        b"\xef\xbb\xbfverifiers:\n- &v {name: a, kind: arithmetic, cost: 2}\n- {<<: *v, name: b}\n",
    )

    root, content = read_yaml(path)

    assert content == {
        "verifiers": [
            {"name": "a", "kind": "arithmetic", "cost": 2},
            {"name": "b", "kind": "arithmetic", "cost": 2},
        ]
    }
    assert root.value[0][0].value == "verifiers"


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("a: 1\nb: [\n", "not YAML", ":3:1"),
        ("a: 1\na: 2\n", "the key `a` appears twice", ":2"),
        ("a: 1\n? [b]\n: 2\n", "a key must be a name", ":2"),
        ("a: &a [*a]\n", "an alias repeats a value that contains it", ":1"),
        ("a:\n b: " + "1" * (MAX_DIGITS + 1), f"a number of {MAX_DIGITS + 1} characters", ":2"),
        ("a: " + "[" * 70 + "]" * 70, "lies more than 64 levels deep", ":1"),
        ("a: !!int x\n", "a value is not of its type", ""),
        ("- a\n", "must be a mapping with `verifiers:`", ""),
        (b"a: 1\nb: caf\xe9\n", "byte 0xe9 is not UTF-8", ":2"),
        ("a: " + "x" * MAX_FILE_BYTES, f"has more than {MAX_FILE_BYTES} bytes", ""),
    ],
)
def test_what_no_configuration_has_is_refused_with_its_place(
    tmp_path: Path, text: str | bytes, message: str, place: str
) -> None:
    """One line, which names the file."""
    path = written(tmp_path, text)

    with pytest.raises(YamlError, match=message) as wrong:
        read_yaml(path)

    problem = wrong.value.at(path)
    assert problem.startswith(f"{path}{place}: ")
    assert "\n" not in problem


def test_aliases_count_as_what_they_stand_for(tmp_path: Path) -> None:
    """Nine lines that would be a billion values; the file itself is small."""
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9)]

    with pytest.raises(YamlError, match="has more than 100000 values, with its aliases"):
        read_yaml(written(tmp_path, "\n".join(lines)))


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    """In the system's words."""
    with pytest.raises(YamlError, match="cannot be read: Is a directory"):
        read_yaml(tmp_path)
    with pytest.raises(YamlError, match="cannot be read: No such file"):
        read_yaml(tmp_path / "none")
