#!/usr/bin/env bash
# Install only the server and its dependencies into a new virtual environment PREFIX.
# The Dockerfile and the tests use this script.
#
# A temporary environment builds a wheel of this project and of everything in LOCK.
# PREFIX gets only these wheels, so it contains no build tools and no pip, no file
# that tools/shrink.py finds to be unused, and bytecode only of modules that the server imports.
#
# usage: tools/install-server.sh PREFIX [LOCK]
#   LOCK     requirements/server.lock by default; slim.lock is without TensorFlow, gpu.lock with CUDA
#   PYTHON   the interpreter, python3 by default
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
prefix=$1
lock=${2:-$root/requirements/server.lock}
python=${PYTHON:-python3}

[[ ! -e $prefix ]] || { echo "$prefix exists already" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

export PIP_DISABLE_PIP_VERSION_CHECK=1 PKG_CONFIG=false # see install-locked.sh
"$root/tools/make-venv.sh" "$work/build" "$python"
pip=("$work/build/bin/python" -m pip)

"${pip[@]}" install --quiet --require-hashes -r "$root/requirements/build.lock"
"${pip[@]}" wheel --quiet --use-pep517 --no-build-isolation --no-deps --require-hashes \
    --wheel-dir "$work/wheels" -r "$lock"
"${pip[@]}" wheel --quiet --use-pep517 --no-build-isolation --no-deps --wheel-dir "$work/wheels" "$root"

"$python" -m venv --without-pip "$prefix"
"${pip[@]}" --python "$prefix/bin/python" install --quiet --no-index --no-deps --no-compile \
    "$work"/wheels/*.whl
"$python" "$root/tools/shrink.py" "$prefix"
# TensorFlow writes notices.
env --unset=PYTHONDONTWRITEBYTECODE "$prefix/bin/python" "$root/tools/compile_imports.py" 2>"$work/log" ||
    { cat "$work/log" >&2; exit 1; }
