# Redirections on any descriptor, saving and restoring, here-strings, noclobber, {fd}.
echo one > f; echo two >> f; cat < f; cat f nofile 2> err; echo $?; exec 3> g; echo three >&3; exec 3>&-; cat g
{ echo out; echo err >&2; } > both 2>&1; cat both; { echo o; echo e >&2; } &> b2; cat b2
exec {fd}< f; read -r l <&$fd; echo "$l"; exec {fd}<&-; set -C; echo x > f; echo $?; echo y >| f; cat f; set +C
exec 4<> f; read -r l <&4; echo z >&4; exec 4>&-; cat f; echo hi 3>&1 >&2 2>&3 3>&- | cat
f() { echo in f; } > h; f; cat h; while read -r a; do echo "$a"; done <<< "$(printf '1\n2')"; cat <(echo p) - < <(echo q)
echo x > /nonexistent/y; echo $?; : > e; [ -s e ] || echo empty; echo back 2>&1 1>/dev/null
