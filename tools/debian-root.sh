#!/usr/bin/env bash
# Make a minimal root of Debian 12 with Python in FOLDER, for images where no registry is
# reachable. Needs the root user and debootstrap.
#
# usage: tools/debian-root.sh FOLDER
set -euo pipefail

folder=$1

[[ $(id -u) == 0 ]] || { echo "debootstrap needs the root user" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "debootstrap is missing: apt-get install debootstrap" >&2; exit 1; }
rm -rf "$folder"
mkdir -p "$folder"
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$folder" >"$folder.log" 2>&1 ||
    { tail -5 "$folder.log" >&2; rm -rf "$folder"; exit 1; }
# What Debian's own slim images leave out.
rm -rf "$folder"/var/cache/apt/* "$folder"/var/lib/apt/lists/* "$folder"/var/log/* \
    "$folder"/usr/share/{doc,info,locale,man}/*
