# nounset, noglob, noexec, xtrace, allexport, -n, -c, $0, stdin scripts.
bash -uc 'echo $nope; echo no'; echo $?; bash -uc 'echo ${nope-ok} "$@"'; bash -c 'echo $0 $1 $#' name a b; echo 'echo from stdin; read x; echo "[$x]"
input line
echo end' | bash; bash -n -c 'echo no; if'; echo $?; bash -xc 'x=1; echo "$x y" z' 2>&1; bash -ac 'v=1; env | grep ^v='; bash -O extglob -c 'echo @(a|b)'; bash -o pipefail -c 'false | true'; echo $?
bash -c 'echo a; if then'; echo $?; printf 'echo one\necho "two\n' > s; bash s; echo $?; bash -c -- 'echo dash'; bash nofile; echo $?; nosuchcommand; echo $?; bash -ec 'set -- x; echo $1; false; echo no'; echo $?
# noexec runs nothing: neither pipelines, nor lists, nor background jobs; and syntax is checked to the end.
printf '%s\n' 'echo one | cat' 'echo two && echo three || { echo four; }' 'echo five &' '! echo six | cat' 'time echo seven | cat' 'f() { echo; }; f | cat' '$(echo eight) | cat < nofile' > n; bash -n n; echo $?; echo 'fi' >> n; bash -n n; echo $?
bash -c 'set -n; echo never | cat; exit 3'; echo $?; bash -c 'echo first | cat; set -n
echo second | cat'; echo $?
