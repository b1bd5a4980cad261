#!/usr/bin/env bash
# Pin the packages of each environment with hashes (requirements/*.lock), from
# pyproject.toml. Keeps pinned versions that still match.
#
# The locks are valid for all supported platforms and Python versions, and name no
# package index: pip uses its own configuration.
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

lock dev pyproject.toml --extra batch --extra cache --extra demo --extra explore --extra onnx --extra otel --extra train --group dev "$@"
# The other locks use the versions of dev.lock, which were tested.
# TensorFlow requires packages that its import and its sessions do not use: libclang (62 MB), Keras
# and its dependencies (64 MB), tools for building.
unused=()
for name in google-pasta h5py keras libclang markdown-it-py mdurl namex optree pygments rich setuptools wheel; do
    unused+=(--no-emit-package "$name")
done
lock server pyproject.toml --extra cache --extra server --extra onnx --extra otel --group image --no-emit-package tensorflow \
    "${unused[@]}" --constraint requirements/dev.lock
lock slim pyproject.toml --extra cache --extra slim --extra otel --constraint requirements/dev.lock
# The demonstration needs a photograph of scikit-image, and none of its code.
lock demo pyproject.toml --extra demo --group build --group demo --constraint requirements/dev.lock \
    --no-emit-package imageio --no-emit-package lazy-loader --no-emit-package networkx \
    --no-emit-package scipy --no-emit-package tifffile
lock gpu pyproject.toml --extra cache --extra gpu --extra onnx --extra otel "${unused[@]}" \
    --constraint requirements/dev.lock
lock engines pyproject.toml --extra core --group engines --constraint requirements/dev.lock
lock build --group build --constraint requirements/dev.lock
lock protos --group protos "$@"
lock envoy --group envoy "$@"
lock audit --group audit "$@"
lock mutants --group mutants "$@"
