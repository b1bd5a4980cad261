#!/usr/bin/env bash
# Install Debian's Redis as DIR/bin/redis-server, for the tests and benches of the cache.
#
# Unpacks the package and its missing dependencies below DIR, without the root user.
#
# usage: tools/install-redis.sh DIR
set -euo pipefail

dir=$(realpath -m "$1")
# shellcheck source=tools/debian.sh
source "${0%/*}/debian.sh"

help=$'Redis is fetched with apt.\nOn Debian and Ubuntu: apt-get update'
# The program is in the package of the tools.
unpack "$dir/root" "$help" redis-server redis-tools
[[ -x $dir/root/usr/bin/redis-server ]] || fail "the packages contain no redis-server"
mkdir -p "$dir/bin"
cat >"$dir/bin/redis-server" <<SH
#!/bin/sh
export LD_LIBRARY_PATH="$(libraries_in "$dir/root")"
exec "$dir/root/usr/bin/redis-server" "\$@"
SH
chmod +x "$dir/bin/redis-server"
