#!/usr/bin/env bash
# Pins what the image installs, with the hashes of every file that may be installed. Versions that still fit are kept.
#   deploy/pin.sh PYTHON [--upgrade]
set -euo pipefail
python=$1 top=$(git rev-parse --show-toplevel)
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m venv "$work/uv"
"$work/uv/bin/pip" install --quiet --disable-pip-version-check 'uv>=0.9'
pin() { "$work/uv/bin/uv" pip compile --quiet --generate-hashes --python-version 3.11 --python-platform linux --no-annotate --no-header "$@"; }

cd "$top"
pin pyproject.toml --extra cpu --extra otel "$@" -o deploy/constraints.txt
# What builds our own wheel is pinned as well: a build backend runs with the builder's rights.
pin deploy/build.in "$@" -o deploy/build.txt
grep -c == deploy/constraints.txt deploy/build.txt
