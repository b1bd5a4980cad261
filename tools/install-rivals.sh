#!/usr/bin/env bash
# Install the tools that `make bench` compares with in DIR/bin: jpegoptim, cwebp,
# ImageMagick's convert, guetzli.
#
# Unpacks Debian's packages and their missing dependencies below DIR, without the root
# user. A release of Debian has one version of each, so results are comparable.
#
# usage: tools/install-rivals.sh DIR
set -euo pipefail

dir=$(realpath -m "$1")
# shellcheck source=tools/debian.sh
source "${0%/*}/debian.sh"

help=$'jpegoptim, cwebp, ImageMagick and guetzli are fetched with apt.\nOn Debian and Ubuntu: apt-get update'
# Modules and settings must be next to the program, even if ImageMagick is installed.
unpack "$dir/root" "$help" jpegoptim webp imagemagick-6.q16 imagemagick-6-common libmagickcore-6.q16-6 guetzli
mkdir -p "$dir/bin"

# Each program uses the libraries that were unpacked with it; ImageMagick also needs
# the paths of its modules and settings.
libraries=$(libraries_in "$dir/root")
modules=$(find "$dir/root/usr/lib" -type d -path '*/modules-Q16/coders' | head -n 1)
settings=$(find "$dir/root/etc" -maxdepth 1 -name 'ImageMagick-*' | head -n 1)
start() {
    local name=$1 program=$dir/root/usr/bin/$2
    [[ -x $program ]] || fail "the packages contain no $2"
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
