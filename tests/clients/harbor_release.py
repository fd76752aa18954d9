"""Harbor's own verifier over a reward file: harbor_release.py FOLDER prints JSON.

Harbor needs Python 3.12. On 3.11 its verifier runs all the same: line breaks within the braces of
its f-strings are joined as it is read, and its environments, which need 3.12 and Docker, are ours.
"""

import asyncio
import importlib.abc
import importlib.util
import json
import logging
import re
import subprocess
import sys
import types
import typing
from pathlib import Path
from types import SimpleNamespace

#: A replacement field of an f-string that has a line of its own.
BROKEN_FIELD = re.compile(r"\{\s*\n\s*([^{}]*?)\s*\n\s*\}")


class Joining(importlib.abc.MetaPathFinder):
    """Finds Harbor's modules, so that they are read with their fields joined."""

    def __init__(self, root):
        self.root = root

    def find_spec(self, name, path=None, target=None):
        """Return the place of a module of Harbor."""
        place = self.root / name.replace(".", "/")
        for file, folders in (
            (place / "__init__.py", [str(place)]),
            (place.with_suffix(".py"), None),
        ):
            if name.partition(".")[0] == "harbor" and file.exists():
                return importlib.util.spec_from_file_location(
                    name, file, loader=Opened(str(file)), submodule_search_locations=folders
                )
        return None


class Opened(importlib.abc.SourceLoader):
    """Reads one module."""

    def __init__(self, file):
        self.file = file

    def get_filename(self, name):
        """Return the file."""
        return self.file

    def get_data(self, path):
        """Return the source with its fields joined."""
        raw = Path(path).read_bytes()
        return BROKEN_FIELD.sub(r"{\1}", raw.decode()).encode() if path.endswith(".py") else raw


class Here:
    """An environment of Harbor's, which is this machine: commands run in its folder."""

    def __init__(self, folder, os):
        self.folder, self.os = folder, os

    def is_path_mounted(self, *_):
        """Return true: the folder is this machine's."""
        return True

    async def upload_dir(self, **_):
        """Do nothing: likewise."""
        return

    async def exec(self, command, env=None, user=None):
        """Run a command."""
        own = command.replace("/logs/verifier", f"{self.folder}/verifier")
        own = own.replace("/tests", f"{self.folder}/tests")
        done = await asyncio.to_thread(
            subprocess.run, ["bash", "-c", own], capture_output=True, text=True, check=False
        )
        return SimpleNamespace(return_code=done.returncode, stdout=done.stdout, stderr=done.stderr)


def verified(folder):
    """Return the rewards that Harbor's verifier reads after tests/test.sh, or its error."""
    if sys.version_info < (3, 12):
        import typing_extensions

        typing.override = typing_extensions.override
        base = types.ModuleType("harbor.environments.base")
        base.BaseEnvironment = object
        sys.modules[base.__name__] = base
        root = next(Path(path) for path in sys.path if (Path(path) / "harbor").is_dir())
        sys.meta_path.insert(0, Joining(root))
    from harbor.models.task.config import TaskOS
    from harbor.models.trial.paths import TrialPaths
    from harbor.verifier.verifier import Verifier

    tests = folder / "tests"
    paths = SimpleNamespace(
        tests_dir=tests,
        test_path_for=lambda os: tests / "test.sh",
        discovered_test_path_for=lambda os: tests / "test.sh",
    )
    whole = SimpleNamespace(require_included=lambda path: None)
    whole.select = lambda path: SimpleNamespace(relative_paths=[])
    config = SimpleNamespace(verifier=SimpleNamespace(env={}))
    task = SimpleNamespace(paths=paths, file_filter=whole, config=config)
    trial = TrialPaths(trial_dir=folder)
    trial.verifier_dir.mkdir(exist_ok=True)
    verifier = Verifier(task, trial, Here(folder, TaskOS.LINUX), logger=logging.getLogger("harbor"))
    try:
        return asyncio.run(verifier.verify()).rewards
    except Exception as exc:  # Harbor raises classes of its own: the name is what a test compares
        return f"raised {type(exc).__name__}"


if __name__ == "__main__":
    print(json.dumps(verified(Path(sys.argv[1]))))
