#!/usr/bin/env bash
# Installs the label models that ours is compared with into an environment of their own.
#   tests/benchmarks/install_peers.sh PYTHON VENV
set -euo pipefail
"$1" -m venv "$2"
"$2/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0
"$2/bin/pip" install --quiet --disable-pip-version-check snorkel crowd-kit scikit-learn
