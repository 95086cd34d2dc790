#!/usr/bin/env bash
# What NixOS does to make /etc, for GNU bash and coreutils; a target with two sources is refused.
#
# Usage: etc-tree.sh OUT [SOURCE TARGET MODE USER GROUP]...
set -eu
export LC_ALL=C
etc=$1/etc
shift
mkdir -p "$etc"
while [ $# -gt 0 ]; do
    source=$1 target=$2 mode=$3 user=$4 group=$5
    shift 5
    case $source in
    *'*'*)
        mkdir -p "$etc/$target"
        for file in $source; do
            ln -s "$file" "$etc/$target/"
        done
        continue
        ;;
    esac
    mkdir -p "$etc/$(dirname "$target")"
    if [ -e "$etc/$target" ]; then
        if [ "$(readlink "$etc/$target")" != "$source" ]; then
            echo "$target has two sources" >&2
            exit 1
        fi
    else
        ln -s "$source" "$etc/$target"
    fi
    if [ "$mode" != symlink ]; then
        echo "$mode" >"$etc/$target.mode"
        echo "$user" >"$etc/$target.uid"
        echo "$group" >"$etc/$target.gid"
    fi
done
