# linkFarm, in coreutils: link-farm.sh OUT NAME PATH NAME PATH …, in the order of the names.

set -e
mkdir -p "$1"
cd "$1"
shift
while [ $# -gt 0 ]; do
  mkdir -p -- "$(dirname -- "$1")"
  ln -s -- "$2" "$1"
  shift 2
done
