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
packages=(jpegoptim webp imagemagick-6.q16 guetzli)
help=("jpegoptim, cwebp, ImageMagick and guetzli are fetched with apt." "On Debian and Ubuntu: apt-get update")

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || fail "${help[@]}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What apt would install is what is missing.
missing() {
    apt-get install --simulate --no-install-recommends --reinstall "${packages[@]}" 2>"$work/said" |
        awk '/^Inst/ {print $2}'
}
download() {
    local names
    names=$(missing) && [[ -n $names ]] || return 1
    # shellcheck disable=SC2086 # names, one a word
    (cd "$work" && apt-get download -qq -o APT::Sandbox::User=root $names 2>>"$work/said")
}

if ! download; then
    # apt knows no packages before its lists are there, which only root may fetch.
    [[ $(id -u) == 0 ]] || fail "${help[@]}" "$(cat "$work/said")"
    apt-get update -qq
    download || fail "${help[@]}" "$(cat "$work/said")"
fi
rm -rf "$dir"
mkdir -p "$dir/root" "$dir/bin"
for package in "$work"/*.deb; do
    dpkg-deb --extract "$package" "$dir/root"
done

# Each is started with the libraries that were unpacked beside it; ImageMagick
# also looks for its modules and settings where it was not installed.
libraries=$(find "$dir/root" -name '*.so.*' -path '*/usr/lib/*' -not -path '*/modules-*' -printf '%h\n' | sort -u | paste -sd:)
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
