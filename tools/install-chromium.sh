#!/usr/bin/env bash
# Put a browser without windows into DIR/bin/chromium: Debian's chromium-headless-shell.
#
# The package, and what it needs that is not installed here, is unpacked below
# DIR, not installed: it needs no root.
#
# usage: tools/install-chromium.sh DIR
set -euo pipefail

dir=$(realpath -m "$1")
# shellcheck source=tools/debian.sh
source "${0%/*}/debian.sh"

help=$'Chromium is fetched with apt.\nOn Debian and Ubuntu: apt-get update'
# The common files must lie beside the program, even where Chromium is installed.
unpack "$dir/root" "$help" chromium-headless-shell chromium-common
program=$(find "$dir/root/usr/lib" -type f -name '*headless*shell' -perm -u+x | head -n 1)
[[ -n $program ]] || fail "the package holds no headless shell"
mkdir -p "$dir/bin"
cat >"$dir/bin/chromium" <<SH
#!/bin/sh
export LD_LIBRARY_PATH="$(libraries_in "$dir/root")"
exec "$program" "\$@"
SH
chmod +x "$dir/bin/chromium"
