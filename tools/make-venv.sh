#!/usr/bin/env bash
# Make the virtual environment DIR with the interpreter PYTHON, unless it exists.
#
# Prints instructions if the interpreter is missing, has an unsupported version, or
# has no venv module (a separate package in Debian).
#
# usage: tools/make-venv.sh DIR [PYTHON]
set -euo pipefail

dir=$1
python=${2:-python3}

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

[[ -x $dir/bin/python ]] && exit 0

command -v "$python" >/dev/null ||
    fail "$python is not on the PATH." "Name a Python 3.11, 3.12 or 3.13: make PYTHON=/path/to/python3.11 ..."

version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
case $version in
    3.11 | 3.12 | 3.13) ;;
    *) fail "$python is Python $version; this project needs 3.11, 3.12 or 3.13." \
        "Name one of those: make PYTHON=/path/to/python3.11 ..." ;;
esac

"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$python cannot make virtual environments." "On Debian and Ubuntu: apt-get install python$version-venv"

"$python" -m venv "$dir"
