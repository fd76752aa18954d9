"""The names in `import assay`, and its cost."""

from __future__ import annotations

import subprocess
import sys

import pytest

import assay
from assay import aggregation


def test_importing_assay_imports_nothing_heavy() -> None:
    """The first use of a name does."""
    code = (
        "import sys, assay\n"
        "heavy = [name for name in ('numpy', 'scipy', 'fastapi', 'redis') if name in sys.modules]\n"
        "version = assay.__version__\n"
        "print(heavy, 'numpy' in sys.modules, assay.LabelModel.__name__, 'numpy' in sys.modules)\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert output.strip() == "[] False LabelModel True"


def test_public_names_are_those_of_their_packages() -> None:
    """Listed, and no others."""
    assert assay.LabelModel is aggregation.LabelModel
    assert assay.rank is aggregation.rank
    assert assay.__version__[0].isdigit()
    assert set(assay.__all__) <= set(dir(assay))
    with pytest.raises(AttributeError, match="no attribute 'Label'"):
        _ = assay.Label
