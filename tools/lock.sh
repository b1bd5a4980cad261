#!/usr/bin/env bash
# Pin, with hashes, what each environment holds (requirements/*.lock), from
# pyproject.toml; versions pinned before are kept unless they no longer fit.
#
# The locks hold for every platform and Python that the project supports, and
# name no index: whoever installs uses the one that pip is set up with.
#
# usage: tools/lock.sh [--upgrade]
set -euo pipefail

cd "$(dirname "$0")/.."

lock() {
    local output=requirements/$1.lock
    shift
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-annotate \
        --custom-compile-command "make lock" --output-file "$output" "$@"
}

lock dev pyproject.toml --extra demo --extra onnx --extra otel --extra train --group dev "$@"
# What is shipped is what was tested: the others take the versions of dev.lock.
lock server pyproject.toml --extra server --extra onnx --extra otel --group image --no-emit-package tensorflow \
    --constraint requirements/dev.lock
lock gpu pyproject.toml --extra gpu --extra onnx --extra otel --constraint requirements/dev.lock
lock build --group build --constraint requirements/dev.lock
lock protos --group protos "$@"
lock audit --group audit "$@"
