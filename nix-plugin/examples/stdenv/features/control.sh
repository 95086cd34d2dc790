# Loops, functions, scope, getopts, and what errexit does and does not end.
set -e
{
    for ((i = 0; i < 10; i++)); do ((i % 3)) || continue; ((i == 8)) && break; printf '%d ' "$i"; done; echo
    n=3; until ((n == 0)); do printf '%d.' $((n--)); done; echo
    outer() {
        local x=outer y
        inner() { x=changed y=inner; echo "${FUNCNAME[*]:0:2}"; }
        inner
        echo "$x $y"
    }
    x=global; outer; echo "$x ${y-unset}"
    options() {
        local OPTIND opt
        while getopts ':ab:c' opt "$@"; do
            case $opt in
                a | c) printf '%s ' "$opt" ;;
                b) printf 'b=%s ' "$OPTARG" ;;
                :) printf '%s lacks a value ' "$OPTARG" ;;
                *) printf '?%s ' "$OPTARG" ;;
            esac
        done
        shift $((OPTIND - 1))
        echo "rest: $*"
    }
    options -a -b "v w" -c -x file -a
    options -cb
    false || echo "|| protects"
    if false; then :; else echo "if protects"; fi
    ! true; echo "! protects"
    (false; echo "not reached") && : || echo "a subshell in || goes on: $?"
    value=$(false; echo "inherit_errexit") || echo "status $? <$value>"
    f() { return 7; }
    f || echo "returned $?"
    { true; } && { (exit 3) || echo "exit $?"; }
    while read -r a b; do echo "$b $a"; done < <(printf '1 one\n2 two three\n')
    declare -f options | sed -n 1,2p
    type -t echo f cat if || true
    command -v f nothing || echo "command -v: $?"
} > $out
