# What a builder finds: variables, folders, options; and env, export, subshells.
mkdir $out
export exported="$number" TZ
unexported=1
{
    echo "$NIX_STORE $NIX_BUILD_TOP $TMPDIR $PWD $HOME ${NIX_LOG_FD} ${TERM}"
    echo "$- ${BASH_VERSINFO[0]} $BASH_SUBSHELL $(echo $BASH_SUBSHELL) $UID $EUID $OSTYPE"
    umask; echo "$SHLVL $0"
    env -i PATH="$PATH" A=1 B='2 3' env | sed -e '/^PATH=/d' | sort
    env -u HOME bash -c 'echo "${HOME-no home} $exported ${unexported-not exported}"'
    env FOO=bar sh -c 'echo $FOO'
    FOO=temporary bash -c 'echo $FOO'; echo "${FOO-gone}"
    bash -c 'echo $# $0 $2' name one two; bash -ec 'false; echo no' || echo "status $?"
    bash -n -O extglob -c 'echo !(x' 2> /dev/null || echo "does not parse"
    bash -x -c 'echo traced $((1 + 1))' 2>&1
    declare -rx constant=1; (constant=2) 2> /dev/null || echo "read-only"
    declare -i integer=5+5; declare -l lower=ABC; declare -u upper=abc; echo "$integer $lower $upper"
    export -p | grep -c exported; printenv exported; shopt -s expand_aliases; set -o | grep -E '^(pipefail|errexit)' | tr -s ' \t' ' '
    hash -r; type cat | sed -e 's|/nix/store/[a-z0-9]*-||'; times > /dev/null; echo ${BASH##*/}
} > $out/seen
id_file=/etc/passwd; cut -d: -f1,3,4,6 $id_file > $out/passwd; cat /etc/group > $out/group
ls -a / | tr '\n' ' ' | grep -o -w -E 'build|dev|etc|nix|tmp' > $out/root; echo discard > /dev/null; wc -c < /dev/null | tr -d ' ' > $out/null
