#!/usr/bin/env bash
# Install the packages that LOCK pins into the virtual environment DIR.
#
# Every download is checked against its hash. pyvips is built from source with the
# pinned tools of build.lock. Without pkg-config, it uses libvips from pyvips-binary
# and not another libvips of the machine.
#
# A lock has all packages, so pip need not resolve dependencies.
#
# usage: tools/install-locked.sh DIR LOCK [OPTION...]    (OPTION: of pip install)
set -euo pipefail

dir=$1
lock=$2
shift 2
locks=$(dirname "$0")/../requirements

export PIP_DISABLE_PIP_VERSION_CHECK=1 PKG_CONFIG=false
"$dir/bin/python" -m pip install --quiet --require-hashes -r "$locks/build.lock"
"$dir/bin/python" -m pip install --quiet --use-pep517 --no-build-isolation --no-deps \
    --require-hashes -r "$lock" "$@"
