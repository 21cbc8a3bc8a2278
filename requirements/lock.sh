#!/bin/sh
# Resolves requirements/*.in into locks with hashes and without a registry's address. Versions that are locked already stay
# unless the .in file says otherwise; `sh requirements/lock.sh --upgrade` moves them.
set -e
cd "$(dirname "$0")"
lock() {
    name=$1; shift
    ../.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --custom-compile-command "make lock" "$name.in" -o "$name.txt" "$@"
}
lock stack "$@"
lock dev -c stack.txt "$@"  # one version of everything that the program needs, wherever it runs
lock uv "$@"
lock engine "$@"
lock litellm --overrides litellm.overrides "$@"
