# Command substitution: status, newlines, nesting, state that must not leak.
x=$(printf 'a\n\n\n'); echo "[$x]"; x=$(exit 7); echo $?; y=1; z=$(y=2; cd /; echo $y; exit 3); echo "$z $y $? $PWD" | sed "s#$PWD#CWD#"
echo "$(echo "$(echo "in $(echo deep)")")" `echo back \`echo tick\``; echo $(f() { echo fn; }; f); type f 2>/dev/null; echo $?
echo "$(< /dev/null)"; printf 'data\n' > d; echo "$(<d)"; trap 'echo outer' EXIT; echo "$(trap 'echo inner' EXIT; echo body)"
(trap - EXIT; exec 5> e; umask 077; set -- p q; shopt -s nullglob); umask; echo $#; shopt nullglob; { echo x >&5; } 2>/dev/null || echo closed
set -- $(echo '*' "a  b"); echo $#; v=$(echo a; echo b >&2 2>/dev/null); echo $v; echo "$BASH_SUBSHELL $(echo $BASH_SUBSHELL) $( (echo $BASH_SUBSHELL) )"
