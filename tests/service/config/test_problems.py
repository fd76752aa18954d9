"""The faults of a configuration, each with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.service.config.problems import ConfigError
from assay.service.runtime.configuration import load_config
from assay.service.store.url import parse_address
from tests.support.servers.processes import write_config

SECRET = "s3cr3t"
CONFIG = {"verifiers": [{"name": "v", "kind": "consensus"}]}


@pytest.mark.parametrize(
    "url",
    [
        f"redis://u:{SECRET}@h:x/0", f"redis://:{SECRET}/y@h:1", f"redis://u:a@{SECRET}@h:x", f"redis+cluster://u:pa/{SECRET}@h:1",
        f"redis+sentinel://u:{SECRET}@h:x/main", f"redis+cluster://u:{SECRET}@", f"redis://:{SECRET}/0", f"http://u:{SECRET}@h",
        f"redis+sentinel://u:{SECRET}@h:1", f"redis+cluster://u:{SECRET}@h:1/3", f"redis://u:{SECRET}@[::1", f"rediss://u:{SECRET}@h/0?db=x",
    ],
)  # fmt: skip
def test_an_address_that_is_wrong_is_told_without_its_password(tmp_path: Path, url: str) -> None:
    """By the parser, by the environment, by a flag and by the file."""
    path = write_config(tmp_path / "e.yaml", CONFIG)
    inside = write_config(tmp_path / "f.yaml", {**CONFIG, "service": {"redis_url": url}})
    with pytest.raises(ValueError, match=r".") as parsed:
        parse_address(url)
    told = [str(parsed.value)]
    for where, flags, environ in (
        (path, {}, {"ASSAY_REDIS_URL": url}),
        (path, {"redis_url": url}, {}),
        (inside, {}, {}),
    ):
        with pytest.raises(ConfigError) as wrong:
            load_config(where, flags, environ)
        told.append(str(wrong.value))

    assert not [each for each in told if SECRET in each]
    assert all("redis_url" in each for each in told[1:])


@pytest.mark.parametrize(
    "service",
    [
        {"keys": [{"name": "k", "sha256": "assay-" + "k3y" * 14}]},
        {"keys": [{"name": "k", "sha256": "k3yk3yk3y"}]},
        {"keys": [{"name": "k3y k3y", "sha256": "0" * 64, "scopes": ["no"]}], "api_keys": 5},
        {"api_keys": [["k3y"]]},
        {"traces": "ftp://u:k3y@h"},
    ],
)
def test_a_key_in_the_wrong_place_is_not_printed(
    tmp_path: Path, service: dict[str, object]
) -> None:
    """Such as where its hash belongs, or in another service's address."""
    with pytest.raises(ConfigError) as wrong:
        load_config(write_config(tmp_path / "e.yaml", {**CONFIG, "service": service}), {}, {})

    assert "k3y" not in str(wrong.value).replace("k3y k3y", "")


@pytest.mark.parametrize("field", ["endpoint", "api_key_env"])
def test_an_upstreams_password_is_not_printed(tmp_path: Path, field: str) -> None:
    """In a verifier's settings, and in a gateway's."""
    given = {"endpoint": "http://u:s3cr3t@h:x", "api_key_env": ["sk-s3cr3ts3cr3ts3cr3t"]}[field]
    entry = {"name": "v", "model": "m", "endpoint": "http://h", field: given}
    for config in (
        {"verifiers": [{**entry, "kind": "judge"}]},
        {**CONFIG, "upstreams": [entry]},
    ):
        with pytest.raises(ConfigError) as wrong:
            load_config(write_config(tmp_path / "e.yaml", config), {}, {})
        assert "s3cr3t" not in str(wrong.value)


JUDGE = "verifiers:\n  - {name: j, kind: judge, model: m, endpoint: 'http://127.0.0.1:1'}\n"


def problems(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    """Return the faults of a file."""
    path = tmp_path / "e.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(path, environ=environ or {})
    return [problem.replace(str(path), "e.yaml") for problem in caught.value.problems]


@pytest.mark.parametrize(("text", "expected"), [
    ("verifiers:\n  - {name: j, kind: jugde}\n", "e.yaml:2: verifiers.0.kind: must be one of: arithmetic"),
    ("verifiers:\n  - {name: j, kind: jugde}\n", "did you mean `judge`?"),
    (JUDGE + "tasks:\n  math: {ensmble: default}\n", "e.yaml:4: tasks.math.ensmble: no such key; did you mean `ensemble`?"),
    (JUDGE + "service:\n  prot: 1\n", "e.yaml:4: service.prot: no such key; did you mean `port`?"),
    (JUDGE + "service:\n  port: 99999\n", "e.yaml:4: service.port: Input should be less than or equal to 65535 (got '99999')"),
    (JUDGE + "ensembles:\n  a: [k]\n", "ensembles.a: no verifier is called 'k'; choose from: j"),
    (JUDGE + "tasks:\n  t: {ensemble: nope}\n", "tasks.t.ensemble: no ensemble is called 'nope'; choose from: default"),
    (JUDGE + "model_aliases: {gpt: nope}\n", "model_aliases.gpt: no task is called 'nope'"),
    ("verifiers:\n  - kind: judge\n    name: j\n    model: m\n", "either `endpoint: URL` or `endpoints: [URL, …]`"),
    ("verifiers:\n  - kind: judge\n    name: j\n    model: m\n    endpoint: localhost:8000\n", "e.yaml:5: verifiers.0.endpoint: must be a base URL such as http://127.0.0.1:8000 (got 'localhost:8000')"),
    ("verifiers:\n  - kind: judge\n    name: j\n    endpoint: http://x\n", "e.yaml:2: verifiers.0.model: is required"),
    ("verifiers:\n  - {name: a b, kind: arithmetic}\n", "verifiers.0.name"),
    ("verifiers: []\n", "verifiers"),
    ("verifiers:\n  - {name: a, kind: arithmetic}\n  - {name: a, kind: arithmetic}\n", "two are called 'a'"),
    ("verifiers: [\n", "not YAML"),
    ("verifiers:\n  - {name: a, kind: arithmetic}\nverifiers: 3\n", "e.yaml:3: the key `verifiers` appears twice"),
    ("just text", "must be a mapping"),
    ("", "must be a mapping"),
    ("a: &a [*a]\n", "e.yaml"),
])  # fmt: skip
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    """One line a problem."""
    assert any(expected in problem for problem in problems(tmp_path, text)), problems(
        tmp_path, text
    )


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Not one a try."""
    text = "verifiers:\n  - {name: j, kind: jugde}\nservice: {port: x, hst: y}\n"

    assert len(problems(tmp_path, text)) == 3


def test_keys_are_never_echoed(tmp_path: Path) -> None:
    """Not in a message, not in a repr."""
    path = tmp_path / "e.yaml"
    path.write_text(JUDGE)
    [problem] = problems(tmp_path, JUDGE + "service: {api_keys: [{a: hunter2}]}\n")

    assert "hunter2" not in problem
    assert "hunter2" not in repr(load_config(path, environ={"ASSAY_API_KEYS": "hunter2"}))


def test_a_wrong_variable_or_flag_is_named_as_what_it_is(tmp_path: Path) -> None:
    """The file has no line for it."""
    path = tmp_path / "e.yaml"
    path.write_text(JUDGE)

    assert (
        "the environment (ASSAY_PORT): service.port"
        in problems(tmp_path, JUDGE, {"ASSAY_PORT": "x"})[0]
    )
    with pytest.raises(ConfigError, match=r"^the command line: service\.port: "):
        load_config(path, {"port": "x"}, {})


def test_the_kinds_are_listed_once(tmp_path: Path) -> None:
    """A word that is near none of them gets no second list."""
    (problem,) = problems(tmp_path, "verifiers:\n  - {name: j, kind: zzz}\n")

    assert problem.count("process_reward") == 1
