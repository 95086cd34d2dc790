# The environment that programs get, and its order: bash walks its tables.
for n in {1..60}; do export "n$n=$n"; done
list() { env | grep '^[mnx][0-9]*=' | tr '\n' ' '; echo; }
list
unset n7 n30 n12
export n30=again n7
n12=5 n13=6 list
f() {
  local n1=one n2 x=2
  local -x n61=new
  declare +x n5
  list
  for m in {1..20}; do local -x "m$m"=1; done
  list
}
f
n3=x n62=y f
( unset n3; n4=changed; list )
env -u n9 a=1 n8=2 b=3 env | grep '^[ab]=\|^n[89]=' | tr '\n' ' '; echo
env -i 'a.b=1' 'c-d=2' e=3 PATH="$PATH" bash -c 'env | grep "^[a-e]" | sort; echo "${e}"'
cd /; list
printenv _ | sed 's,.*/,,'
g() { :; }; export -f g
env | sed -n '/^BASH_FUNC_g/,/^}/p'
