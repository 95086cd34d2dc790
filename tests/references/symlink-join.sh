# symlinkJoin, in bash and coreutils: symlink-join.sh OUT FAIL_ON_MISSING LNDIR_OPTIONS PATH…
#
# Each path is shadowed by lndir, one after the other.

set -e
. "${BASH_SOURCE[0]%/*}/lndir.sh"
out=$1 fail_on_missing=$2 options=$3
shift 3
mkdir -p "$out"
for path; do
  if [ -n "$fail_on_missing" ] || [ -d "$path" ]; then
    lndir $options "$path" "$out"
  fi
done
