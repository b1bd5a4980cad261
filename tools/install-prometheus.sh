#!/usr/bin/env bash
# Install `prometheus` and `promtool` in DIR, unless they exist there.
#
# Links those on the PATH. Otherwise unpacks Debian's package, which starts no daemon
# and does not need the root user.
#
# usage: tools/install-prometheus.sh DIR
set -euo pipefail

dir=$1
tools=(prometheus promtool)

there() {
    local tool
    for tool in "${tools[@]}"; do
        [[ -x $dir/$tool ]] || return 1
    done
}

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

there && exit 0
mkdir -p "$dir"
if command -v "${tools[@]}" >/dev/null && command -v promtool >/dev/null; then
    for tool in "${tools[@]}"; do
        ln -sf "$(command -v "$tool")" "$dir/$tool"
    done
    exit 0
fi

help=("prometheus and promtool are needed, and are not on the PATH." "On Debian and Ubuntu: apt-get install prometheus")
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || fail "${help[@]}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
download() { (cd "$work" && apt-get download -qq -o APT::Sandbox::User=root prometheus 2>"$work/said"); }

if ! download; then
    # apt knows no packages before its lists are there, which only root may fetch.
    [[ $(id -u) == 0 ]] || fail "${help[@]}" "$(cat "$work/said")"
    apt-get update -qq
    download || fail "${help[@]}" "$(cat "$work/said")"
fi
dpkg-deb --extract "$work"/prometheus_*.deb "$work/unpacked"
for tool in "${tools[@]}"; do
    install "$work/unpacked/usr/bin/$tool" "$dir/$tool"
done
