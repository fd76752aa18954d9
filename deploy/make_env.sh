#!/usr/bin/env bash
# Writes random passwords for the compose files into .env beside them, readable by their owner only; keeps those that are there.
#   deploy/make_env.sh [FOLDER]
set -euo pipefail
umask 077
file=${1:-$(dirname "$0")}/.env
touch "$file"
chmod 600 "$file"
for name in STORE_PASSWORD GRAFANA_PASSWORD; do
  grep -q "^$name=." "$file" || echo "$name=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')" >> "$file"
done
echo "$file: STORE_PASSWORD and GRAFANA_PASSWORD"
