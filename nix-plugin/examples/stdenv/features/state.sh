# Things that scripts read of the shell, and builtins that are used once in a while.
mkdir $out
{
    f() { echo "$LINENO ${#BASH_LINENO[@]} ${FUNCNAME[0]} $#"; caller 0 > /dev/null && echo called; }
    f a b
    saved=$(shopt -po nounset) || true; set +u; echo "${never}"; eval "$saved"; echo "$saved"
    shopt -q extglob && echo "extglob is on"; shopt -p nullglob || true
    read -r -n 3 first <<< abcdef; read -r -N 2 -d x second <<< xyz; read -r -p "" third < <(printf 'a\\b c \n'); echo "$first $second <$third>"
    IFS= read -r line < <(printf '  blanks  \n'); echo "[$line]"
    IFS=$'\t' read -r a b c <<< $'1\t\t3'; echo "$a|$b|$c"
    printf '%s\n' {a..e} | { mapfile -n 2 -s 1 two; printf '%s' "${two[@]}"; cat > /dev/null; }
    declare -p IFS; printf '%q\n' "$IFS"; unset IFS; echo ${list[*]-} | wc -w | tr -d ' '
    compgen -A function | grep -x -E 'runHook|substitute|genericBuild' | sort; declare -F runPhase
    { sleep 0; } & pid=$!; wait "$pid"; echo "waited $?"; (exit 9) & wait $! || echo "child $?"
    exec 5< <(echo from five); read -r -u 5 five; exec 5<&-; echo "$five"
    echo "${BASH_SOURCE[0]:+source} ${#PIPESTATUS[@]} ${PPID:+parent}"; builtin echo builtin; command echo command; enable -n echo; enable echo
    local_scope() { local -a l=(1 2); local -A m=([k]=v); local -r r=ro; local -i i=3+4; echo "${l[1]} ${m[k]} $r $i"; }; local_scope
    select_none() { return 0; }; unset -f select_none; type select_none 2> /dev/null || echo "no function"
} > $out/state
printf 'x%.0s' {1..20} > $out/repeat
ls $out | while read -r n; do echo "$n"; done | tail -n 1 > $out/last
