# Traps: EXIT, ERR, DEBUG, RETURN, signals to oneself, in subshells and functions.
trap 'echo exit $?' EXIT; trap 'echo err $LINENO' ERR; false; (false); f() { false; }; f; set -E; f; set +E; trap - ERR
trap 'echo usr1' USR1; kill -USR1 $$; trap -p USR1; trap '' TERM; kill -TERM $$; echo alive; trap 'echo ret' RETURN; g() { :; }; g; trap - RETURN
( trap 'echo sub exit' EXIT; exit 2 ); echo $?; x=$(trap 'echo in comsub' EXIT); echo "$x"; bash -c 'trap "echo bye" EXIT; exit 5'; echo $?
trap 'echo dbg $BASH_COMMAND' DEBUG; y=1; : z; trap - DEBUG; exit 9
(set -T; e() { echo e; return "$1"; }; trap 'echo RETURN $?' RETURN; e 3; echo $?; x=$(e 4; false); echo "$x")
