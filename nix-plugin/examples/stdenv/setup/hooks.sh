# Hooks: `runHook preInstall` runs the function or variable preInstall, then everything in the array
# preInstallHooks. A hook that fails ends the build.

addHook() { # addHook HOOK COMMAND
    local -n _hooks="$1Hooks"
    _hooks+=("$2")
}

_hookDispatch() {
    # A function, a file, or a piece of shell code, in this order.
    local command="$1"
    shift
    if declare -F "$command" > /dev/null; then
        "$command" "$@"
    elif [[ $command == /* && -f $command ]]; then
        source "$command"
    else
        eval "$command"
    fi
}

_runHookVariable() {
    local hook="$1" default="$2"
    if declare -F "$hook" > /dev/null; then
        "$hook"
    elif [ -n "${!hook:-}" ]; then
        _hookDispatch "${!hook}"
    else
        return "$default"
    fi
}

runHook() {
    local hookName="$1"
    shift
    local arrayName="${hookName%Hook}Hooks" one
    _runHookVariable "$hookName" 0
    # A nameref to an array that is not there is an empty list, even with `set -u`.
    local -n list="$arrayName"
    for one in ${list+"${list[@]}"}; do
        _hookDispatch "$one" "$@"
    done
    return 0
}

# Runs the hooks until one succeeds; as unpackers are tried one by one.
runOneHook() {
    local arrayName="${1%Hook}Hooks" one
    shift
    local -n list="$arrayName"
    for one in ${list+"${list[@]}"}; do
        if _hookDispatch "$one" "$@"; then
            return 0
        fi
    done
    return 1
}

_onExit() {
    local status=$?
    trap - EXIT
    if ((status != 0)); then
        runHook failureHook
        printf 'builder for %s failed with status %d\n' "${name:-?}" "$status" >&2
    else
        runHook exitHook
    fi
    exit "$status"
}
trap _onExit EXIT
