#!/bin/sh
# Users, keys, budgets and spend of the gateway, from any directory. Installs nothing: it runs the Python next to it
# (litellm_admin), which needs the standard library only, and boto3 where the way in leads through AWS.
set -eu

# where this file really is: it may have been called by a symlink, and `readlink -f` isn't everywhere
self=$0
while [ -L "$self" ]; do
    target=$(readlink "$self")
    case $target in
        /*) self=$target ;;
        *) self=$(dirname "$self")/$target ;;
    esac
done
root=$(CDPATH='' cd "$(dirname "$self")/.." && pwd -P)

suitable() {
    command -v "$1" >/dev/null 2>&1 && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# the repository's own Python has boto3; another one does where no AWS is asked
python=${LITELLM_USERS_PYTHON:-}
if [ -z "$python" ]; then
    if [ -x "$root/.venv/bin/python" ]; then
        python=$root/.venv/bin/python
    else
        for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
            if suitable "$candidate"; then
                python=$candidate
                break
            fi
        done
    fi
fi
if [ -z "$python" ]; then
    echo "error: litellm-users.sh needs Python 3.11 or newer, and there is none on PATH." >&2
    exit 2
fi

PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH} exec "$python" -P -m litellm_admin "$@"
