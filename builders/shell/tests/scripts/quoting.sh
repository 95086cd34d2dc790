# Quotes, escapes, brace expansion, here-documents, bytes that are no UTF-8.
echo 'a"b' "a'b\$\`\"" a\ b $'t\tn\x41\u00e9\101' "a\
b" \\ "\x"
echo {a,b{1,2},c}{x,y} {1..5} {05..1..2} {a..e..2} '{a,b}' {a} {,x}
x=v; cat <<A; cat <<'B'; cat <<-C
$x ${x}y $(echo sub) \$x `echo bt` "q"
A
$x $(no)
B
	tab $x
	C
printf 'bytes: \xff\xfe\n' | od -An -tx1; y=$'\xff\x80'; printf %s "$y$y" | od -An -tx1
cat <<<"here $x"
unset u; z=1; set --
cat <<A
`printf %s \"a  b\"` `echo \\a`
A
echo "${u-`printf %s \"a  b\"`}" "${u-$'a\tb'}" "${z/1/$'\t'}" "`echo \"a  b\"`"
n() { echo $#; }; n "${u-$@}" "${z+"$@"}"; n "${z+$@}" "$@"

# A backslash before a newline is not there, not even within an expansion.
x=5 xy=6
echo "$\
x" $\
x $x\
y ${\
x} ${x\
y} "a$\
(echo b)" $\
((1+1)) "$\
"
