# Build inputs: their programs go to PATH, their setup hooks are run, and what they propagate counts
# as input too.

declare -A _seenInputs=()
declare -a pkgsNative=() pkgsHost=()

findInputs() { # PACKAGE ARRAY FILE
    local package="$1" arrayName="$2" file="$3" more
    local -n array="$arrayName"
    if [ -n "${_seenInputs[$arrayName:$package]:-}" ]; then
        return 0
    fi
    _seenInputs[$arrayName:$package]=1
    if ! [ -e "$package" ]; then
        echo "build input $package does not exist" >&2
        exit 1
    fi
    array+=("$package")
    if [ -f "$package/nix-support/$file" ]; then
        local -a propagated=()
        read -r -d '' -a propagated < "$package/nix-support/$file" || true
        for more in "${propagated[@]}"; do
            findInputs "$more" "$arrayName" "$file"
        done
    fi
}

activatePackage() { # PACKAGE
    local package="$1"
    if [ -f "$package" ]; then
        source "$package"
        return
    fi
    addToSearchPath PATH "$package/bin"
    addToSearchPath XDG_DATA_DIRS "$package/share"
    if [ -f "$package/nix-support/setup-hook" ]; then
        # A hook is sourced with the options of the build, whatever it changes itself.
        local saved
        saved="$(shopt -po nounset)" || true
        set +u
        source "$package/nix-support/setup-hook"
        eval "$saved"
    fi
}

_collectInputs() {
    local -a native=() host=()
    local one
    concatTo native defaultNativeBuildInputs nativeBuildInputs propagatedNativeBuildInputs
    concatTo host buildInputs propagatedBuildInputs
    for one in ${native+"${native[@]}"}; do
        findInputs "$one" pkgsNative propagated-native-build-inputs
    done
    for one in ${host+"${host[@]}"}; do
        findInputs "$one" pkgsHost propagated-build-inputs
    done
    for one in ${pkgsNative+"${pkgsNative[@]}"} ${pkgsHost+"${pkgsHost[@]}"}; do
        activatePackage "$one"
    done
}
