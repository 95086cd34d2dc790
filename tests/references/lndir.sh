# What `lndir` does, for scripts that source this: a shadow of a directory with directories for
# directories and links for the rest.
#
# lndir [-silent] [-ignorelinks] ORIGINAL SHADOW. Differences to what is there are written to
# standard error and are no failure. In the order of names; all output goes to standard error.

lndir() {
  local silent= ignorelinks=
  while :; do
    case $1 in
      -silent) silent=1 ;;
      -ignorelinks) ignorelinks=1 ;;
      *) break ;;
    esac
    shift
  done
  if [ ! -e "$1" ]; then
    echo "$1: No such file or directory" >&2
    return 1
  fi
  if [ ! -d "$1" ]; then
    echo "$1: Not a directory" >&2
    return 2
  fi
  lndir_header=
  lndir_directory "${1%/}" "$2" ""
}

# lndir_say MESSAGE: with the directory first, once.
lndir_say() {
  if [ -n "$lndir_header" ]; then
    printf '%s:\n' "$lndir_header" >&2
    lndir_header=
  fi
  printf '%s\n' "$1" >&2
}

# lndir_directory ORIGINAL SHADOW HEADER: the header is shown again after a directory below.
lndir_directory() {
  local original=$1 shadow=$2 header=$3 entry name target
  while IFS= read -r -d '' entry; do
    name=${entry##*/}
    case $name in *'~') continue ;; esac
    if [ -d "$entry" ] && [ ! -L "$entry" ]; then
      case $name in BitKeeper | RCS | SCCS | CVS | CVS.adm | .svn) continue ;; esac
      lndir_header=
      if [ -n "$silent" ]; then
        lndir_header=$entry
      else
        printf '%s:\n' "$entry" >&2
      fi
      if [ -L "$shadow/$name" ] && stat -L "$shadow/$name" 2>&1 | grep -q 'No such file'; then
        lndir_say "$name: File exists"
      elif [ -L "$shadow/$name" ]; then
        lndir_say "$name: is a link instead of a directory"
      else
        if [ ! -e "$shadow/$name" ]; then
          mkdir "$shadow/$name"
        fi
        lndir_directory "$entry" "$shadow/$name" "$entry"
      fi
      lndir_header=$header
      continue
    fi
    if [ -L "$entry" ] && [ -z "$ignorelinks" ]; then
      target=$(readlink -n "$entry" && echo .)
      target=${target%.}
    else
      target=$entry
    fi
    if [ -L "$shadow/$name" ]; then
      if [ "$(readlink "$shadow/$name")" != "$target" ]; then
        lndir_say "$name: $(readlink "$shadow/$name")"
      fi
    elif [ -e "$shadow/$name" ]; then
      lndir_say "$name: File exists"
    else
      ln -s -- "$target" "$shadow/$name"
    fi
  done < <(find "$original/" -mindepth 1 -maxdepth 1 -print0 | sort -z)
}
