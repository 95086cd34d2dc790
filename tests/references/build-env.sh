# buildEnv, in bash and coreutils: build-env.sh OUT PRIORITY PATH PRIORITY PATH …
#
# Variables: paths_to_link (one a line), extra_prefix, manifest, extra_paths (a file); and the
# switches ignore_collisions, check_contents, ignore_single_files (1 or empty).
#
# A name is a path below a package and begins with a slash; the package itself is the empty name.
# Each name is linked to one target, or is a directory of the output.

set -e
out=$1
shift
mapfile -t paths_to_link <<<"$paths_to_link"
store=${out%/*}

# By name with a `:` before it, since bash knows no empty key.
declare -A target_of priority_of
declare -A done_packages postponed

say() { printf 'pkgs.buildEnv warning: %s\n' "$1" >&2; }
die() {
  printf 'pkgs.buildEnv error: %s\n' "$1" >&2
  exit 1
}

# in_selection NAME: at or below a path to link. leads_to_selection: at or above one.
in_selection() {
  local path
  for path in "${paths_to_link[@]}"; do
    case $path in /) return 0 ;; esac
    if [[ ${1:-/} == "$path" || ${1:-/} == "$path"/* ]]; then return 0; fi
  done
  return 1
}
leads_to_selection() {
  local path
  for path in "${paths_to_link[@]}"; do
    if [[ -z $1 || $path == "$1" || $path == "$1"/* ]]; then return 0; fi
  done
  return 1
}

is_leaf() { [ -n "$1" ] && [ ! -d "$1" ]; }
dangles() { [ -L "$1" ] && [ ! -e "$1" ]; }
shown() { if dangles "$1"; then echo "dangling symlink \`$1'"; else echo "\`$1'"; fi; }
mode() { if [ -d "$1" ] || [ -x "$1" ]; then echo 0555; else echo 0444; fi; }

# agree OLD NEW: the same kind, mode and contents.
agree() {
  [ -e "$1" ] && [ -e "$2" ] || return 1
  if [ "$(mode "$1")" != "$(mode "$2")" ] || { [ -d "$1" ] && [ ! -d "$2" ]; } ||
    { [ -d "$2" ] && [ ! -d "$1" ]; }; then
    say "different permissions in \`$1' and \`$2': $(mode "$1") <-> $(mode "$2")"
    return 1
  fi
  [ -f "$1" ] && cmp -s -- "$1" "$2"
}

put() {
  target_of[":$1"]=$2
  priority_of[":$1"]=$3
}

# visit NAME TARGET PRIORITY IGNORE: a package offers a target for a name. IGNORE: empty, 1, or 2 for
# without a word.
visit() {
  local name=$1 target=$2 priority=$3 ignore=$4 old= old_priority= old_real= real=
  local base=${name##*/}
  case $name in
    /propagated-build-inputs | /nix-support | *info/dir | *info/dir$'\n') return ;;
    /share/mime/packages*) ;;
    /share/mime/*) return ;;
  esac
  case $base in perllocal.pod | log) return ;; esac
  leads_to_selection "$name" || in_selection "$name" || return 0

  if [ -n "${target_of[":$name"]+set}" ]; then
    old=${target_of[":$name"]}
    old_priority=${priority_of[":$name"]}
  fi
  if [ -z "$old_priority" ] || { [ "$priority" -lt "$old_priority" ] && is_leaf "$old"; }; then
    if dangles "$target"; then
      say "creating dangling symlink \`$out$extra_prefix/$name' -> \`$target' -> \`$(readlink -- "$target")'"
    fi
    put "$name" "$target" "$priority"
    return
  fi
  if [ -n "$old" ]; then
    real=$(realpath -- "$target" 2>/dev/null) || real=
    old_real=$(realpath -- "$old" 2>/dev/null) || old_real=
    if [ -n "$real" ] && [ "$real" = "$old_real" ]; then
      if [ -L "$old" ] && [ ! -L "$target" ]; then put "$name" "$target" "$priority"; fi
      return
    fi
    if [ "$priority" -gt "$old_priority" ] && is_leaf "$old"; then return; fi
  elif [ ! -d "$target" ]; then
    die "not a directory: \`$target'"
  fi
  if [ ! -d "$target" ] || is_leaf "$old"; then
    if [ "$ignore" = 2 ]; then return; fi
    if [ -n "$ignore" ]; then
      say "colliding subpath (ignored): $(shown "$target") and $(shown "$old")"
      return
    fi
    if [ -n "$check_contents" ] && agree "$old" "$target"; then return; fi
    die "two given paths contain a conflicting subpath:
  $(shown "$target") and
  $(shown "$old")
hint: this may be caused by two different versions of the same package in buildEnv's \`paths\` parameter
hint: \`pkgs.nix-diff\` can be used to compare derivations"
  fi
  if [ -n "$old" ]; then enter "$name" "$old" "$old_priority" "$ignore"; fi
  enter "$name" "$target" "$priority" "$ignore"
  put "$name" "" "$priority"
}

enter() {
  local name=$1 directory=$2 priority=$3 ignore=$4 entry
  local entries=()
  mapfile -d '' -t entries < <(find "$directory/" -mindepth 1 -maxdepth 1 -printf '%f\0' | sort -z)
  for entry in "${entries[@]}"; do
    visit "$name/$entry" "$directory/$entry" "$priority" "$ignore"
  done
}

# add PACKAGE PRIORITY IGNORE: once, with a note of what it propagates.
add() {
  local package=$1 propagated word
  if [ -n "${done_packages[":$package"]}" ]; then return; fi
  done_packages[":$package"]=1
  if [ -f "$package" ] && [ "$(dirname -- "$package")" = "$store" ]; then
    if [ -z "$ignore_single_files" ]; then
      die "The store path $package is a file and can't be merged into an environment using pkgs.buildEnv!"
    fi
    say "The store path $package is a file and can't be merged into an environment using pkgs.buildEnv, ignoring it"
  else
    visit "" "$package" "$2" "$3"
  fi
  if [ -e "$package/nix-support/propagated-user-env-packages" ]; then
    propagated=()
    read -r -a propagated <"$package/nix-support/propagated-user-env-packages" || true
    for word in "${propagated[@]}"; do
      if [ -z "${done_packages[":$word"]}" ]; then postponed[":$word"]=1; fi
    done
  fi
}

put "" "" 0
for path in "${paths_to_link[@]}"; do
  name=
  IFS=/ read -r -a parts <<<"$path"
  for part in "${parts[@]}"; do
    name=$name/$part
    if [ "$name" = / ]; then name=; fi
    put "$name" "" 0
  done
done

while [ $# -gt 0 ]; do
  if [ -e "$2" ]; then add "$2" "$1" "$ignore_collisions"; fi
  shift 2
done
counter=1000
while [ ${#postponed[@]} -gt 0 ]; do
  mapfile -t packages < <(printf '%s\n' "${!postponed[@]}" | sort)
  postponed=()
  for package in "${packages[@]}"; do
    add "${package#:}" "$counter" 2
    counter=$((counter + 1))
  done
done
if [ -n "$extra_paths" ]; then
  while read -r package; do
    if [ -d "$package" ]; then add "$package" 1000 "$ignore_collisions"; fi
  done <"$extra_paths"
fi

links=0
mapfile -d '' -t names < <(printf '%s\0' "${!target_of[@]}" | sort -z)
for key in "${names[@]}"; do
  name=${key#:}
  in_selection "$name" || continue
  if [ -z "${target_of[$key]}" ]; then
    if [ -e "$out$extra_prefix/$name" ]; then die "cannot create directory"; fi
    mkdir -p -- "$out$extra_prefix/$name"
  else
    ln -s -- "${target_of[$key]}" "$out$extra_prefix/$name"
    links=$((links + 1))
  fi
done
echo "created $links symlinks in user environment" >&2
if [ -n "$manifest" ]; then
  ln -s -- "$manifest" "$out/manifest" 2>/dev/null || die "cannot create manifest"
fi
# Nix fails a build that leaves no output.
[ -e "$out" ]
