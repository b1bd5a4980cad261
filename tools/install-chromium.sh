#!/usr/bin/env bash
# Install a headless browser as DIR/bin/chromium: Debian's chromium-headless-shell.
#
# Unpacks the package and its missing dependencies below DIR, without the root user.
#
# usage: tools/install-chromium.sh DIR
set -euo pipefail

dir=$(realpath -m "$1")
# shellcheck source=tools/debian.sh
source "${0%/*}/debian.sh"

help=$'Chromium is fetched with apt.\nOn Debian and Ubuntu: apt-get update'
# The common files must be next to the program, even if Chromium is installed.
unpack "$dir/root" "$help" chromium-headless-shell chromium-common
program=$(find "$dir/root/usr/lib" -type f -name '*headless*shell' -perm -u+x | head -n 1)
[[ -n $program ]] || fail "the package contains no headless shell"
mkdir -p "$dir/bin"
cat >"$dir/bin/chromium" <<SH
#!/bin/sh
export LD_LIBRARY_PATH="$(libraries_in "$dir/root")"
exec "$program" "\$@"
SH
chmod +x "$dir/bin/chromium"
