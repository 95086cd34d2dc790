#!/usr/bin/env bash
# What `writeTextFile` and `concatTextFile` do, for GNU bash and coreutils.
#
# Usage: text.sh OUT DESTINATION EXECUTABLE text TEXT
#        text.sh OUT DESTINATION EXECUTABLE files FILE...
# DESTINATION is "" or begins with a slash; EXECUTABLE is "" or 1.
set -eu
out=$1 destination=$2 executable=$3 kind=$4
shift 4
target=$out$destination
mkdir -p "$(dirname "$target")"
case $kind in
text) printf %s "$1" >"$target" ;;
files) cat -- "$@" >"$target" </dev/null ;;
esac
if [ -n "$executable" ]; then
    chmod +x "$target"
fi
