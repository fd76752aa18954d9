"""Looks for known vulnerabilities of the image's packages; reports if it reaches no database.

python deploy/audit.py        exit code 1 if there are any
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PINS = Path(__file__).parent / "constraints.txt"
AUDIT = [
    "-m",
    "pip_audit",
    "-r",
    str(PINS),
    "--no-deps",
    "--disable-pip",
    "--timeout",
    "10",
    "--progress-spinner",
    "off",
    "-f",
    "json",
]


def judged(output: str) -> tuple[str, int]:
    """Return the lines to print and the exit code, from pip-audit's output."""
    try:
        packages: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return "audit: skipped: the database of vulnerabilities is not reached", 0
    known = [each for each in packages if "skip_reason" not in each]
    if not known:
        return "audit: skipped: the registry that is reached has no database of vulnerabilities", 0
    found = [(each, hole) for each in known for hole in each.get("vulns", [])]
    lines = [
        f"{each['name']} {each['version']}: {hole['id']}, mended in"
        f" {', '.join(hole['fix_versions']) or 'no version'}"
        for each, hole in found
    ]
    return "\n".join(
        [*lines, f"audit: {len(known)} packages, {len(found)} known vulnerabilities"]
    ), int(bool(found))


def main() -> None:
    """Audit, and exit."""
    done = subprocess.run([sys.executable, *AUDIT], capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    text, code = judged(done.stdout)
    print(text)  # noqa: T201 - the command's output
    raise SystemExit(code)


if __name__ == "__main__":
    main()
