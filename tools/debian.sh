# Debian's packages without installing them; sourced by the scripts that need some.
# shellcheck shell=bash

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# unpack ROOT HELP PACKAGE...: unpack the packages, and what they need that is not
# installed here, below ROOT. It needs no root, but for fetching apt's lists
# where there are none. HELP is what to say where it cannot be done.
unpack() {
    local root=$1 help=$2 work package
    shift 2
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || fail "$help"
    work=$(mktemp -d)
    # shellcheck disable=SC2064 # the folder of now
    trap "rm -rf '$work'" EXIT
    if ! download "$work" "$@"; then
        # apt knows no packages before its lists are there, which only root may fetch.
        [[ $(id -u) == 0 ]] || fail "$help" "$(cat "$work/said")"
        apt-get update -qq
        download "$work" "$@" || fail "$help" "$(cat "$work/said")"
    fi
    rm -rf "$root"
    mkdir -p "$root"
    for package in "$work"/*.deb; do
        dpkg-deb --extract "$package" "$root"
    done
}

# What apt would install is what is missing.
download() {
    local work=$1 names
    shift
    names=$(apt-get install --simulate --no-install-recommends --reinstall "$@" 2>"$work/said" |
        awk '/^Inst/ {print $2}') && [[ -n $names ]] || return 1
    # shellcheck disable=SC2086 # names, one a word
    (cd "$work" && apt-get download -qq -o APT::Sandbox::User=root $names 2>>"$work/said")
}

# libraries_in ROOT: the folders of shared libraries below it, for LD_LIBRARY_PATH.
libraries_in() {
    find "$1" -name '*.so*' -path '*/lib/*' -not -path '*/modules-*' -printf '%h\n' | sort -u | paste -sd:
}
