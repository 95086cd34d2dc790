# Background jobs and wait.
sleep 0.05 & p=$!; wait $p; echo $?; (exit 3) & wait $!; echo $?; { echo in bg; } & wait; x=$(echo a & wait; echo b); echo $x
f() { echo "arg $1"; exit 4; }; f q & wait $!; echo $?; false & true & wait; echo $?; cat < <(sleep 0.01; echo late); kill -0 $$ && echo alive; wait 999999 2>/dev/null; echo $?
sleep 5 & kill $!; wait $! 2>/dev/null; echo $?; coproc { read -r l; echo "got $l"; }; echo hello >&"${COPROC[1]}"; read -r r <&"${COPROC[0]}"; echo $r
