#!/usr/bin/env bash
# Put what `make bench` compares with into DIR/bin: jpegoptim, cwebp, ImageMagick's convert, guetzli.
#
# Debian's packages, and what they need that is not installed here, are unpacked
# below DIR, not installed: it needs no root. One release of Debian holds one
# version of each, so that two who measure on it measure the same programs.
#
# usage: tools/install-rivals.sh DIR
set -euo pipefail

dir=$(realpath -m "$1")
# shellcheck source=tools/debian.sh
source "${0%/*}/debian.sh"

help=$'jpegoptim, cwebp, ImageMagick and guetzli are fetched with apt.\nOn Debian and Ubuntu: apt-get update'
unpack "$dir/root" "$help" jpegoptim webp imagemagick-6.q16 guetzli
mkdir -p "$dir/bin"

# Each is started with the libraries that were unpacked beside it; ImageMagick
# also looks for its modules and settings where it was not installed.
libraries=$(libraries_in "$dir/root")
modules=$(find "$dir/root/usr/lib" -type d -path '*/modules-Q16/coders' | head -n 1)
settings=$(find "$dir/root/etc" -maxdepth 1 -name 'ImageMagick-*' | head -n 1)
start() {
    local name=$1 program=$dir/root/usr/bin/$2
    [[ -x $program ]] || fail "the packages hold no $2"
    cat >"$dir/bin/$name" <<SH
#!/bin/sh
export LD_LIBRARY_PATH="$libraries" MAGICK_CODER_MODULE_PATH="$modules" MAGICK_CONFIGURE_PATH="$settings"
exec "$program" "\$@"
SH
    chmod +x "$dir/bin/$name"
}
start jpegoptim jpegoptim
start cwebp cwebp
start convert convert-im6.q16
start guetzli guetzli
