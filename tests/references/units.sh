# The directory of units, in bash and coreutils: units.sh OUT TYPE PACKAGE, and tables in variables.
#
#   upstream_units, upstream_wants, packages: words.
#   units: one line a unit, "NAME DIRECTORY STRATEGY"; STRATEGY is if-exists or always.
#   aliases, wanted_by, upheld_by, required_by: one line each, "NAME OTHER".
#   forbid_collisions: 1 or empty. default_unit, ctrl_alt_del_unit: for type system.
#
# Units are sorted by name. Runs under `set -e`; wildcards without a match are nothing.

set -e
shopt -s nullglob
. "${BASH_SOURCE[0]%/*}/lndir.sh"
out=$1 type=$2 package=$3
case $type in initrd) kind=system ;; *) kind=$type ;; esac
mkdir -p "$out"

upstream() {
  unit=$package/example/systemd/$kind/$1
  if [ ! -e "$unit" ]; then
    echo "missing $unit"
    exit 1
  fi
}

for name in $upstream_units; do
  upstream "$name"
  if [ ! -L "$unit" ]; then
    ln -s "$unit" "$out/"
  elif [[ $(readlink "$unit") == ../* ]]; then
    ln -s "$(readlink -f "$unit")" "$out/"
  else
    cp --preserve=all --no-dereference "$unit" "$out/"
  fi
done

for name in $upstream_wants; do
  upstream "$name"
  directory=$out/${name##*/}
  mkdir "$directory"
  for link in "$unit"/*; do
    copy=$directory/${link##*/}
    cp --preserve=all --no-dereference "$link" "$copy"
    if [ ! -e "$copy" ]; then rm "$copy"; fi
  done
done

# Each package once. The order is that of bash's table, as in NixOS.
declare -A once
for item in $packages; do once[$item]=1; done
for item in "${!once[@]}"; do
  for file in "$item/etc/systemd/$kind"/* "$item/lib/systemd/$kind"/*; do
    if [[ $file == *?wants ]]; then continue; fi
    if [ -d "$file" ]; then
      mkdir -p "$out/${file##*/}"
      lndir "$file" "$out/${file##*/}"
    else
      ln -s "$file" "$out/"
    fi
  done
done

# each STRATEGY FUNCTION: calls it with every file of a unit with that strategy.
each() {
  local name directory strategy files
  while read -r name directory strategy; do
    if [ "$strategy" != "$1" ]; then continue; fi
    files=("$directory"/*)
    if [ ${#files[@]} -ne 1 ]; then exit 1; fi
    "$2" "${files[0]}"
  done < <(printf %s "$units")
}
drop_in() {
  mkdir -p "$out/${1##*/}.d"
  ln -s "$1" "$out/${1##*/}.d/overrides.conf"
}
unit_or_drop_in() {
  if [ ! -e "$out/${1##*/}" ]; then
    ln -s -f "$1" "$out/"
  elif [ "$(readlink -f "$1")" = /dev/null ]; then
    ln -s -f -n /dev/null "$out/${1##*/}"
  elif [ -n "$forbid_collisions" ]; then
    echo "Found multiple derivations configuring ${1##*/}!"
    exit 1
  else
    drop_in "$1"
  fi
}
each if-exists unit_or_drop_in
each always drop_in

while read -r name other; do
  ln -s -f -n "$name" "$out/$other"
done < <(printf %s "$aliases")

# relate SUFFIX TABLE
relate() {
  local name other
  while read -r name other; do
    mkdir -p "$out/$other.$1"
    ln -s -f -n "../$name" "$out/$other.$1/"
  done < <(printf %s "$2")
}
relate wants "$wanted_by"
relate upholds "$upheld_by"
relate requires "$required_by"

if [ "$type" = system ]; then
  ln -s "$default_unit" "$out/default.target"
  ln -s "$ctrl_alt_del_unit" "$out/ctrl-alt-del.target"
  ln -s rescue.target "$out/kbrequest.target"
  mkdir -p "$out/getty.target.wants"
  ln -s ../autovt@tty1.service "$out/getty.target.wants/"
  ln -s ../remote-fs.target "$out/multi-user.target.wants/"
fi
