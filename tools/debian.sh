# Unpacks Debian packages without installing them; for other scripts to source.
# shellcheck shell=bash

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# unpack ROOT HELP PACKAGE...: unpack the packages and their missing dependencies
# below ROOT. Needs the root user only to fetch apt's lists if there are none.
# Prints HELP if it fails.
unpack() {
    local root=$1 help=$2 work package
    shift 2
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || fail "$help"
    work=$(mktemp -d)
    # shellcheck disable=SC2064 # expand it now
    trap "rm -rf '$work'" EXIT
    if ! download "$work" "$@"; then
        # Without its lists, apt knows no packages; only the root user may fetch them.
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

# The missing packages are those that apt would install.
download() {
    local work=$1 names
    shift
    names=$(apt-get install --simulate --no-install-recommends --reinstall "$@" 2>"$work/said" |
        awk '/^Inst/ {print $2}') && [[ -n $names ]] || return 1
    # shellcheck disable=SC2086 # names, one a word
    (cd "$work" && apt-get download -qq -o APT::Sandbox::User=root $names 2>>"$work/said")
}

# libraries_in ROOT: the folders of shared libraries below ROOT, for LD_LIBRARY_PATH.
libraries_in() {
    find "$1" -name '*.so*' -path '*/lib/*' -not -path '*/modules-*' -printf '%h\n' | sort -u | paste -sd:
}
