# EXIT, ERR, DEBUG and RETURN traps, in the shell and in subshells.
mkdir $out
(
    trap 'echo "exit $?" >> $out/log' EXIT
    echo started > $out/log
    exit 3
) || echo "subshell ended with $?" >> $out/log
(
    set +e -E
    trap 'echo "ERR $? $BASH_COMMAND"' ERR
    false
    broken() { ls /no-such-file 2> /dev/null; }
    broken
    true
) > $out/err
(
    trap 'echo "debug: $BASH_COMMAND"' DEBUG
    : one
    x=two
    trap - DEBUG
    : three
) > $out/debug
returning() {
    trap 'echo "leaving ${FUNCNAME[0]}"; trap - RETURN' RETURN
    echo inside
}
returning > $out/return
(
    cleanup() { rm -f "$scratch"; echo "cleaned" > $out/cleaned; }
    scratch=$(mktemp)
    trap cleanup EXIT
    echo data > "$scratch"
    cat "$scratch" > $out/data
)
trap -p EXIT > $out/handler
