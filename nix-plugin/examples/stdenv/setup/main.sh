# The first part of the setup script: options, PATH, and what a build must not inherit.
set -eu
set -o pipefail
shopt -s inherit_errexit extglob

if ((BASH_VERSINFO[0] < 4)); then
    echo "this stdenv needs bash 4 or newer, not $BASH_VERSION" >&2
    exit 1
fi

# With structured attributes `outputs` is an associative array, and there.
[[ -v outputs || -n ${NIX_ATTRS_SH_FILE:-} ]] || outputs=out
: "${NIX_STORE:=/nix/store}" "${NIX_BUILD_CORES:=1}"
export NIX_BUILD_CORES
((NIX_BUILD_CORES > 0)) || NIX_BUILD_CORES=1

PATH=
for _package in $initialPath; do
    PATH="${PATH:+$PATH:}$_package/bin"
done
unset _package
export PATH

# Reproducible whatever the time and place.
export SOURCE_DATE_EPOCH=315532800 TZ=UTC LC_ALL=C
export HOME=/homeless-shelter
umask 0022
