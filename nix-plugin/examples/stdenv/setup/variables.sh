# Search paths, lists and outputs. Lists are arrays when the derivation has structured attributes and
# words in a string when it has not; every function here takes both.

addToSearchPathWithDelimiter() { # DELIMITER VARIABLE FOLDER
    local delimiter="$1" variable="$2" folder="$3"
    if [[ -d $folder && "${!variable:+$delimiter${!variable}$delimiter}" != *"$delimiter$folder$delimiter"* ]]; then
        export "$variable=${!variable:+${!variable}$delimiter}$folder"
    fi
}

addToSearchPath() {
    addToSearchPathWithDelimiter : "$@"
}

isArray() {
    [[ "$(declare -p "$1" 2> /dev/null)" =~ ^declare\ -[^[:space:]]*a ]]
}

# concatTo TARGET NAME[=DEFAULT]...: appends the elements of each variable to the array TARGET.
concatTo() {
    local -n _target="$1"
    shift
    local argument name default
    for argument; do
        IFS='=' read -r name default <<< "$argument"
        if isArray "$name"; then
            local -n _list="$name"
            _target+=(${_list+"${_list[@]}"})
            unset -n _list
        elif [ -n "${!name:-}" ]; then
            # shellcheck disable=SC2206 # words, on purpose
            _target+=(${!name})
        elif [ -n "$default" ]; then
            # shellcheck disable=SC2206
            _target+=($default)
        fi
    done
}

concatStringsSep() { # SEPARATOR VARIABLE
    local separator="$1" elements=() result one
    concatTo elements "$2"
    for one in ${elements+"${elements[@]}"}; do
        result="${result+$result$separator}$one"
    done
    printf '%s' "${result-}"
}

appendToVar() { # VARIABLE ELEMENT...
    local -n _variable="$1"
    local name="$1"
    shift
    if isArray "$name"; then
        _variable+=("$@")
    else
        _variable="${_variable:-}${_variable:+ }$*"
    fi
}

prependToVar() {
    local -n _variable="$1"
    local name="$1"
    shift
    if isArray "$name"; then
        _variable=("$@" ${_variable+"${_variable[@]}"})
    else
        _variable="$*${_variable:+ }${_variable:-}"
    fi
}

# The names of the outputs, `out` before the others as the derivation lists them.
outputNames() {
    if [ -n "${NIX_ATTRS_SH_FILE:-}" ]; then
        # The order of an associative array is not the derivation's.
        printf '%s\n' "${!outputs[@]}" | sort
    else
        printf '%s\n' $outputs
    fi
}

# With structured attributes the outputs' paths are only in an associative array.
if [ -n "${NIX_ATTRS_SH_FILE:-}" ]; then
    for _output in "${!outputs[@]}"; do
        export "$_output=${outputs[$_output]}"
    done
    unset _output
    # What nixpkgs calls `env`: variables that programs shall see too.
    if isArray env || declare -p env > /dev/null 2>&1; then
        for _variable in "${!env[@]}"; do
            export "$_variable=${env[$_variable]}"
        done
        unset _variable
    fi
fi

# Where the kinds of files go: the first output that exists of each list of candidates.
_assignOutput() { # KIND CANDIDATE...
    local kind="$1" candidate
    shift
    for candidate; do
        if [ -n "${!candidate:-}" ]; then
            declare -g "$kind=$candidate"
            return
        fi
    done
}
_assignOutput outputBin bin out
_assignOutput outputLib lib out
_assignOutput outputDev dev out
_assignOutput outputDoc doc out
_assignOutput outputMan man "${outputBin:-out}"

# stripHash PATH: the name of a store path without its hash.
stripHash() {
    local stripped
    stripped="$(basename -- "$1")"
    if [[ $stripped =~ ^[a-z0-9]{32}-(.*)$ ]]; then
        stripped="${BASH_REMATCH[1]}"
    fi
    printf '%s\n' "$stripped"
}
