# Functions: scope, locals, recursion, call-stack variables, printing, unset, export.
x=g; f() { local x=l; g; echo "f $x"; }; g() { echo "g $x"; x=changed; }; f; echo $x
fact() { if (($1<2)); then echo 1; else echo $(( $1 * $(fact $(($1-1))) )); fi; }; fact 10
h() { echo "${FUNCNAME[*]}"; caller 0 | cut -d' ' -f2; }; k() { h; }; k
declare -f fact; type -t fact; unset -f fact; type -t fact; echo $?
r() { local -n ref=$1; ref+=(new); }; arr=(old); r arr; echo "${arr[@]}"
s() { local a b=2; echo "${a-unset} $b"; }; s; s2() { echo $v; }; v=1 s2
e() { echo "exported $1"; }; export -f e; bash -c 'e arg'; echo "$#"; p() { echo $# "$1"; shift; echo "$*"; }; p a b c
# A local variable is exported if the one that it hides is; not if it hides none, or after +x.
export seen=outer; t() { local seen=inner; local -a list; local +x hidden; env | grep ^seen=; declare -p seen hidden; u; }; u() { local seen; declare -p seen; local -i seen=1+1; declare -p seen; env | grep ^seen=; }; export hidden=1; t; env | grep ^seen=
export list=1; w() { local -a list=(a b); local -A seen=([k]=v); compgen -e | grep -x -e list -e seen; declare -p list seen; }; w; x=1; y() { local x=2; env | grep -c ^x=; x=3 z; }; z() { local x; echo "$x"; env | grep ^x=; }; y

# A readonly local variable is hidden by one of a function that is called, as stdenv's findInputs needs;
# a global one is not.
visit() {
    local -r depth=$1
    if [ "$depth" -gt 0 ]; then visit $((depth - 1)); fi
    echo "depth $depth"
}
visit 2
hider() { declare depth=other; depth+=1; echo "$depth"; local -ar depths=(1 2); inner; }
inner() { local -a depths=(3); depths+=(4); echo "${depths[@]}"; }
caller_of() { local -r depth=own; hider; echo "$depth"; }
caller_of
readonly fixed=1
refused() { local fixed=2; echo "status $? $fixed"; }
refused 2>/dev/null
twice() { local -r own=1; local own=2; echo "status $? $own"; }
twice 2>/dev/null
