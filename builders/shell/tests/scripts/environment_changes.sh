# What changes the list that programs get, and what does not: between every two steps a program is started.
list() { env | grep -v '^_=' | grep '^[A-Z]=\|^BASH_FUNC\|^ *{\|^}' | tr '\n' ' '; echo; }
export A=1 B=2 C=3
list
d=plain; list
D=plain; export E; list
export D; E=set; list
A=; list; unset B; list; B=2; list; export B; list
declare +x C; list; C=4; list; declare -x C; list
typeset -i N=1; export N; N+=2; list; N=N+1; list
f() {
  local A=inner; list
  local x=1 G=2; list
  export G; list
  unset A; list
  A=again; list
  ( A=deep; export H=5; list; unset C; list ); list
  x=$(A=2; list; export I=1; list); echo "$x"; list
  declare -g J=6; export J; list
  local -x A; list
}
f; list
A=temporary B=too list; list
A=temporary f; list
A=t :; list; A=t eval list; list
export -n A; list; readonly B; list
k() { echo body; }; list; export -f k; list; k() { echo other; }; list; export -nf k; list
export -f k; unset -f k; list
for A in 1 2; do list; done
export A; for A in 3 4; do list; done
read -r A <<< five; list
printf -v A six; list; : "${B2:=x}"; export B2; list
while getopts a: O -a 7; do export O; list; done
declare -n R=A; R=eight; list; unset R; export M; M=(array); list; M=9; list
case $A in e*) A+=more;; esac; list
cat <<< "$(list)"; list | cat; { A=9; list; } | cat; list
coproc { A=10; list; }; cat <&"${COPROC[0]}"; list
set -a; Z=1; list; z=2; Y=3; list; set +a; X=3; list
cd /; list
