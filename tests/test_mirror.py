"""Each module has a test file of its name, in the same folder of `tests/`."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("aggregation", "service", "verifiers")
#: Modules without a test file of their own, each with the reason.
EXCEPTIONS: dict[str, str] = {
    "service/api/front/backend.py": "a dataclass without behaviour",
    "service/api/front/middleware/exchange.py": "a dataclass without behaviour",
    "service/api/front/paths.py": "constants",
    "service/cli/comparison/choices.py": "enumerations without behaviour",
    "service/cli/commands/options.py": "types of options, and one default",
    "service/domain/learned.py": "dataclasses without behaviour, and constants",
    "service/ports.py": "protocols alone",
    **{
        f"verifiers/safety/sealed/{name}.py": (
            "runs in a sealed process only: tests/verifiers/safety/test_sandbox*.py"
        )
        for name in ("code_side", "main", "remote", "runner", "tests_side", "walls", "wire")
    },
    "verifiers/contract/sample.py": "one constant",
    "verifiers/rewards/base.py": "abstract: tested as test_reward_model and test_process_reward",
    "verifiers/rewards/likelihood_base.py": (
        "abstract: tested as test_likelihood and test_implicit_prm"
    ),
}


def modules(package: str) -> list[Path]:
    """Return the modules of a package, relative to the root; packages themselves left out."""
    paths = (path.relative_to(ROOT) for path in (ROOT / package).rglob("*.py"))
    return sorted(path for path in paths if path.stem not in ("__init__", "__main__"))


def mirror_of(module: Path) -> Path:
    """Return where a module's tests lie, relative to the root."""
    return Path("tests") / module.with_name(f"test_{module.name}")


@pytest.mark.parametrize("package", PACKAGES)
def test_each_module_has_a_test_file_of_its_name(package: str) -> None:
    """Or an exception that gives the reason."""
    missing = [
        module.as_posix()
        for module in modules(package)
        if module.as_posix() not in EXCEPTIONS and not (ROOT / mirror_of(module)).exists()
    ]

    assert modules(package)
    assert missing == []


def test_an_exception_is_still_one() -> None:
    """The module exists, and its test file does not."""
    for module in EXCEPTIONS:
        assert (ROOT / module).exists()
        assert not (ROOT / mirror_of(Path(module))).exists()
