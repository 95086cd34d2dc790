# buildEnv: links the trees in `paths` into $out, folder by folder where two of them have it.
#
# What one tree alone has is one link; where a second one adds to it, the link becomes a folder of
# links. The order of `paths` decides which file wins, if collisions are ignored at all.

declare -A _owner=()   # path below $out -> what the link there leads to
declare -A _folder=()  # path below $out -> 1 if it is a real folder
declare -a _wanted=()

_isWanted() { # PATH: whether the path, or something below or above it, is asked for
    local path="$1" want
    for want in "${_wanted[@]}"; do
        [[ $want == / || $path == "$want" || $path == "$want"/* || $want == "$path"/* ]] && return 0
    done
    return 1
}

_isWhole() { # PATH: whether everything below the path is asked for
    local path="$1" want
    for want in "${_wanted[@]}"; do
        [[ $want == / || $path == "$want" || $path == "$want"/* ]] && return 0
    done
    return 1
}

_openFolder() { # PATH: turns a link to a folder into a folder of links
    local path="$1" old="${_owner[$1]}"
    unset "_owner[$path]"
    _folder[$path]=1
    _addEntries "$old" "$path"
}

_addEntries() { # TREE PATH: adds what is in the folder TREE as PATH/…
    local tree="$1" path="$2" entry
    local -a entries
    mapfile -t -d '' entries < <(cd "$tree" && printf '%s\0' !(.|..))
    for entry in "${entries[@]}"; do
        # An empty folder leaves the pattern itself.
        [[ -e $tree/$entry || -L $tree/$entry ]] || continue
        _add "$tree/$entry" "$path/$entry"
    done
}

_add() { # SOURCE PATH
    local source="$1" path="$2" old
    _isWanted "$path" || return 0
    case "$path" in
        */nix-support | */propagated-build-inputs | */log | /lib/perl5/perllocal.pod) return 0 ;;
    esac
    if [[ -n ${_folder[$path]:-} ]]; then
        if [[ ! -d $source ]]; then
            echo "build-env: $source is a file where a folder is" >&2
            exit 1
        fi
        _addEntries "$source" "$path"
        return
    fi
    old="${_owner[$path]:-}"
    if [[ -z $old ]]; then
        if [[ -d $source ]] && ! _isWhole "$path"; then
            _folder[$path]=1
            _addEntries "$source" "$path"
        else
            _owner[$path]="$source"
        fi
        return
    fi
    if [[ -d $old && -d $source ]]; then
        _openFolder "$path"
        _addEntries "$source" "$path"
        return
    fi
    if [[ $(readlink -f "$old") == "$(readlink -f "$source")" ]] || cmp -s "$old" "$source"; then
        return
    fi
    if [[ -z ${ignoreCollisions:-} ]]; then
        printf 'build-env: collision between %s and %s\n' "$source" "$old" >&2
        exit 255
    fi
    printf 'build-env: warning: %s is already %s\n' "$source" "$old" >&2
}

buildEnv() {
    local -a trees=() later propagated
    local tree path
    local -A done=()
    concatTo _wanted pathsToLink
    concatTo trees paths
    shopt -s extglob dotglob nullglob
    _owner=() _folder=([/]=1)
    while ((${#trees[@]})); do
        later=()
        for tree in "${trees[@]}"; do
            [[ -n ${done[$tree]:-} ]] && continue
            done[$tree]=1
            _addEntries "$tree" ""
            if [[ -f $tree/nix-support/propagated-user-env-packages ]]; then
                read -r -d '' -a propagated < "$tree/nix-support/propagated-user-env-packages" || true
                later+=("${propagated[@]}")
            fi
        done
        trees=(${later+"${later[@]}"})
    done
    local root="$out${extraPrefix:-}" count=0
    mkdir -p "$root"
    for path in "${!_folder[@]}"; do
        mkdir -p "$root$path"
    done
    for path in "${!_owner[@]}"; do
        mkdir -p "$(dirname "$root$path")"
        ln -s "${_owner[$path]}" "$root$path"
        count=$((count + 1))
    done
    echo "created $count symlinks in $root"
    shopt -u dotglob nullglob
}
