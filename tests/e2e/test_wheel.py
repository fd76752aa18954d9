"""The installed wheel: only `assay` at the top, with its data files, beside PyPI's `verifiers`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.servers.processes import ROOT, free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
#: One data file of each sort.
SUFFIXES = {
    "service/config/ensembles": ".yaml",
    "service/cli/demo_data": "",
    "service/planning": ".yaml",
    "verifiers/catalog": ".yaml",
    "verifiers/safety/sealed": ".py",
}
OURS = "assay-ensemble"
#: Pinned, so that a release of theirs fails nothing here.
THEIRS = "verifiers==0.4.0"
#: Their top module imports nothing, so their package proper is imported as well.
IMPORT_THEIRS = """\
import json, verifiers, verifiers.v1 as vf
print(json.dumps([verifiers.__version__, verifiers.__file__, len(vf.__all__)]))
"""
#: The top-level names that a distribution's files lie under, as it was installed.
TOPS_OF_OURS = f"""\
import json
from importlib.metadata import files
print(json.dumps(sorted({{file.parts[0] for file in files({OURS!r})}})))
"""
BUILD_SDIST = "import sys, hatchling.build; print(hatchling.build.build_sdist(sys.argv[1]))"


def pip(*arguments: str | Path) -> None:
    """Run the tests' own pip."""
    subprocess.run([sys.executable, "-m", "pip", *arguments], check=True)


def build_wheel(source: Path, folder: Path) -> Path:
    """Return the wheel built from a tree or an sdist."""
    pip("wheel", "--quiet", "--no-deps", "-w", folder, source)
    [wheel] = folder.glob("*.whl")
    return wheel


def checksums(wheel: Path) -> dict[str, int]:
    """Return each file of a wheel with its checksum."""
    with zipfile.ZipFile(wheel) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist()}


class FreshEnvironment:
    """A virtual environment that sees nothing of the repository."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)

    def pip(self, *arguments: str | Path) -> None:
        """Run pip on this environment."""
        pip("--python", self._folder / "bin/python", *arguments)

    def run(self, program: str, *arguments: str, **settings: str) -> str:
        """Return the output of one of its programs."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name != "PYTHONPATH" and not name.startswith("ASSAY_")
        }
        finished = subprocess.run(
            [self._folder / "bin" / program, *arguments],
            cwd=self._folder,
            env={**inherited, **settings},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        print(finished.stdout)
        return finished.stdout

    def site_packages(self) -> set[str]:
        """Return the names at the top of site-packages."""
        [folder] = self._folder.glob("lib/python*/site-packages")
        return {path.name for path in folder.iterdir()}

    def check_ours(self) -> None:
        """Assert that the demo runs to its end, and that our files lie under one name."""
        figures = json.loads(
            self.run("assay", "demo", "--port", str(free_port()), "--json", ONCE="1")
        )
        selection = {row["method"]: row["selection_at_1"] for row in figures["methods"]}
        assert selection["Assay"] > selection["first sample"]

        tops = json.loads(self.run("python", "-c", TOPS_OF_OURS))
        [metadata] = (top for top in tops if top.endswith(".dist-info"))
        assert set(tops) == {"..", "assay", metadata}  # "..": bin/assay

    def check_theirs(self) -> None:
        """Assert that the name imports PyPI's `verifiers`, and that the package is whole."""
        version, file, public_names = json.loads(self.run("python", "-c", IMPORT_THEIRS))
        assert f"verifiers=={version}" == THEIRS
        assert Path(file).parts[-3:] == ("site-packages", "verifiers", "__init__.py")
        assert public_names > 0


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel built from this tree."""
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_puts_one_package_at_the_top(wheel: Path) -> None:
    """So no other distribution's `service`, `verifiers` or `aggregation` breaks ours."""
    names = checksums(wheel)

    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"assay"}
    for folder, suffix in SUFFIXES.items():
        assert any(n.startswith(f"assay/{folder}/") and n.endswith(suffix) for n in names), folder


def test_the_sdist_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    """An sdist holds the three folders themselves where `assay/` has links, each of them once."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    backend = tmp_path / "backend"
    pip("install", "--quiet", "--target", backend, *project["build-system"]["requires"])
    built = subprocess.run(
        [sys.executable, "-c", BUILD_SDIST, tmp_path],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(backend)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )

    from_sdist = build_wheel(tmp_path / built.stdout.strip(), tmp_path / "wheel")

    assert checksums(from_sdist) == checksums(wheel)


@pytest.mark.parametrize("ours_first", [True, False], ids=["ours-first", "theirs-first"])
def test_the_wheel_lives_beside_the_verifiers_of_pypi(
    wheel: Path, tmp_path: Path, ours_first: bool
) -> None:
    """In either order both work, and removing the later one leaves the earlier one working.

    Installed, each by a `pip install` of its own: this wheel with its dependencies and no extra
    (the demo needs none), and verifiers 0.4.0 with all of its dependencies (no torch is among
    them) and no extra. pip compiles no bytecode, which saves half of an installation's time.
    """
    environment = FreshEnvironment(tmp_path / "environment")
    order: Sequence[str | Path] = (wheel, THEIRS) if ours_first else (THEIRS, wheel)
    for distribution in order:
        environment.pip("install", "--quiet", "--no-compile", distribution)

    environment.pip("check")
    environment.check_ours()
    environment.check_theirs()

    if ours_first:
        environment.pip("uninstall", "--quiet", "--yes", "verifiers")
        assert "verifiers" not in environment.site_packages()
        environment.check_ours()
    else:
        environment.pip("uninstall", "--quiet", "--yes", OURS)
        assert "assay" not in environment.site_packages()
        environment.check_theirs()
