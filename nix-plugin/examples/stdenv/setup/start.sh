# The last part: now that every function is there, take in the build's inputs.
_collectInputs
if [[ -n ${debugInputs:-} ]]; then
    printf 'input: %s\n' ${pkgsNative+"${pkgsNative[@]}"} ${pkgsHost+"${pkgsHost[@]}"} >&2
fi
unset -f _collectInputs
runHook postSetup
