# Hooks of the fixup phase: what nixpkgs does to every installed tree, with find, xargs, grep and sed.

# moveToOutput GLOB OUTPUT: moves matching files of the other outputs there, and drops folders that
# become empty.
moveToOutput() {
    local pattern="$1" target="${!2}" output source relative
    while IFS= read -r output; do
        [[ ${!output} == "$target" ]] && continue
        for source in "${!output}"/$pattern; do
            # A pattern without matches stays as it is.
            [[ -e $source || -L $source ]] || continue
            relative="${source#"${!output}/"}"
            echo "moving $relative of output $output to $2"
            mkdir -p "$(dirname "$target/$relative")"
            if [[ -d $target/$relative && ! -L $source ]]; then
                cp -prd "$source/." "$target/$relative"
                rm -rf -- "$source"
            else
                mv "$source" "$target/$relative"
            fi
            rmdir -p --ignore-fail-on-non-empty "$(dirname "$source")"
        done
    done < <(outputNames)
}

# man and doc are in share.
_moveToShare() {
    local folder
    for folder in man doc; do
        if [[ -d $out/$folder ]]; then
            mkdir -p "$out/share"
            mv "$out/$folder" "$out/share/$folder"
        fi
    done
}
addHook preFixup _moveToShare

_multipleOutputs() {
    [[ $(outputNames | wc -l) -gt 1 ]] || return 0
    moveToOutput share/doc "$outputDoc"
    moveToOutput share/man "$outputMan"
    moveToOutput include "$outputDev"
    moveToOutput 'lib/*.la' "$outputDev"
}
addHook preFixup _multipleOutputs

# patchShebangs FOLDER: `#!/usr/bin/env bash` becomes the path of bash in PATH.
patchShebangs() {
    local file line rest program arguments found
    while IFS= read -r -d '' file; do
        IFS= read -r line < "$file" || true
        [[ $line == '#!'* ]] || continue
        rest="${line:2}"
        rest="${rest#"${rest%%[![:space:]]*}"}"
        read -r program arguments <<< "$rest"
        [[ $program == "$NIX_STORE"/* ]] && continue
        if [[ $(basename "$program") == env ]]; then
            if [[ $arguments == -S\ * ]]; then
                arguments="${arguments#-S }"
            fi
            read -r program arguments <<< "$arguments"
        fi
        if ! found="$(command -v "$(basename "$program")")"; then
            continue
        fi
        printf '%s: interpreter directive changed from "%s" to "%s"\n' "${file#"$1/"}" "$line" "#!$found${arguments:+ $arguments}"
        # `|` and `&` do not occur in store paths; what follows the program may hold both.
        arguments="${arguments//[&|\\]/\\&}"
        sed -i -e "1 s|.*|#!$found${arguments:+ $arguments}|" "$file"
    done < <(find "$1" -type f -perm -0100 -print0)
}

_patchShebangs() {
    [ -z "${dontPatchShebangs:-}" ] || return 0
    local output
    while IFS= read -r output; do
        if [ -e "${!output}" ]; then
            prefix="${!output}" patchShebangs "${!output}"
        fi
    done < <(outputNames)
}
addHook fixupOutput _patchShebangs

# sbin is bin.
_moveSbin() {
    [[ -d $prefix/sbin && ! -L $prefix/sbin ]] || return 0
    mkdir -p "$prefix/bin"
    shopt -s dotglob nullglob
    mv "$prefix/sbin"/* "$prefix/bin"
    shopt -u dotglob nullglob
    rmdir "$prefix/sbin"
    ln -s bin "$prefix/sbin"
}
addHook fixupOutput _moveSbin

# Links that name their own output by its full path become relative.
_relativeLinks() {
    local link target
    while IFS= read -r -d '' link; do
        target="$(readlink "$link")"
        if [[ $target == "$prefix"/* && -e $target ]]; then
            ln -s -f -n -r "$target" "$link"
        fi
    done < <(find "$prefix" -type l -print0)
}
addHook fixupOutput _relativeLinks

# No output may name the build directory: it is gone when the build is over.
_auditBuildDirectory() {
    local -a bad
    mapfile -t bad < <(find "$prefix" -type f -print0 | xargs -0 -r -n 16 -P "${NIX_BUILD_CORES:-1}" grep -l -F -e "$NIX_BUILD_TOP/" -- || true)
    if ((${#bad[@]})); then
        printf 'the build directory is named in %s\n' "${bad[@]}" >&2
        exit 1
    fi
}
addHook fixupOutput _auditBuildDirectory

# A link that leads nowhere is an error, unless it leaves the store on purpose.
_danglingLinks() {
    [ -z "${dontCheckForBrokenSymlinks:-}" ] || return 0
    local link target count=0
    while IFS= read -r -d '' link; do
        target="$(readlink "$link")"
        [[ $target == /* ]] || target="$(realpath -m "$(dirname "$link")/$target")"
        [[ $target == "$NIX_STORE"/* ]] || continue
        if [[ ! -e $target ]]; then
            echo "the link $link points to $target, which does not exist" >&2
            count=$((count + 1))
        fi
    done < <(find "$prefix" -type l -print0)
    ((count == 0)) || exit 1
}
addHook postFixup _danglingLinksOfOutputs

_danglingLinksOfOutputs() {
    local output
    for output in $(outputNames); do
        if [ -e "${!output}" ]; then
            prefix="${!output}" _danglingLinks
        fi
    done
}

# What a package propagates is written where findInputs reads it.
_recordPropagated() {
    local kind variable file
    local -A files=([propagatedBuildInputs]=propagated-build-inputs
        [propagatedNativeBuildInputs]=propagated-native-build-inputs
        [propagatedUserEnvPkgs]=propagated-user-env-packages)
    for kind in propagatedBuildInputs propagatedNativeBuildInputs propagatedUserEnvPkgs; do
        local -a values=()
        concatTo values "$kind"
        ((${#values[@]})) || continue
        mkdir -p "${!outputDev}/nix-support"
        printf '%s ' "${values[@]}" > "${!outputDev}/nix-support/${files[$kind]}"
    done
    if [ -n "${setupHook:-}" ]; then
        mkdir -p "${!outputDev}/nix-support"
        substituteAll "$setupHook" "${!outputDev}/nix-support/setup-hook"
    fi
}
