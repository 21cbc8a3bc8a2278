#!/bin/sh
# Finds a Python that is new enough and lets it set up the clone. PYTHON=… names one. The clone's own, once it is there, is
# only the quickest to start: a new environment is made with the Python that it was made with.
cd "$(dirname "$0")/.." || exit 1
for python in ${PYTHON:-.venv/bin/python python3 python3.14 python3.13 python3.12 python3.11 python}; do
    if "$python" -S -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$python" -m ops.setup "$@"
    fi
done
echo "set-up: Python 3.11 or newer is needed and none was found on PATH: install it, or name one with PYTHON=/path/to/python3" >&2
exit 1
