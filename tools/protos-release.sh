#!/usr/bin/env bash
# Write the contract as an archive for other repositories, and print its path: the .proto files
# (with those of google.rpc, which details of errors use), their descriptor set with comments, and
# the service config. The same contract gives the same bytes.
#
# usage: tools/protos-release.sh OUT [SET]    (build/ in `make protos-release`)
#   SET   write the descriptor set without comments there, too
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
out=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$root"
version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' client/autoquality/_version.py)
google=$(.venv/bin/python -c 'import google.rpc; print(list(google.rpc.__path__)[0])')
name=autoquality-protos-$version
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

folder=$stage/$name
mkdir -p "$folder/google/rpc"
cp -r protos/autoquality protos/service-config.json LICENSE "$folder"
cp "$google"/{status,error_details}.proto "$folder/google/rpc"
.venv/bin/buf build "$folder" --as-file-descriptor-set --output "$stage/set.binpb"
[[ $# == 1 ]] || .venv/bin/buf build "$stage/set.binpb" --as-file-descriptor-set --exclude-source-info --output "$2"
mv "$stage/set.binpb" "$folder/autoquality.binpb"
chmod -R u=rwX,go=rX "$folder"
tar --create --directory "$stage" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
    "$name" | gzip --no-name --best >"$out/$name.tar.gz"
echo "$out/$name.tar.gz"
