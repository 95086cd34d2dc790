# Pathname expansion with and without options; no match; quoting.
mkdir -p g/sub/deep; touch g/a.c g/b.c g/.hidden g/sub/x.c g/sub/deep/y.c 'g/sp ace'
cd g; echo *; echo *.c; echo .*; echo [ab].c; echo '*'.c "*"; echo */; echo */*.c; echo no*match
shopt -s nullglob; echo no*match end; shopt -u nullglob
shopt -s dotglob; echo *; shopt -u dotglob
shopt -s globstar; echo **/*.c; echo **; shopt -s extglob
echo !(*.c); echo @(a|b).c; echo +([a-z]).c; v='*.c'; echo $v "$v"
set -f; echo *.c; set +f; GLOBIGNORE='a*'; echo *
set +f; unset GLOBIGNORE; shopt -s nocaseglob; mkdir ../u; cd ../u; touch A b; echo [[:upper:]] [[:lower:]]; shopt -s nocasematch
[[ a == [[:upper:]] ]]; echo $?; [[ a == [A-C] ]]; echo $?
