# Pipelines: statuses, subshell state, long data, early ends, shell code in every stage.
echo a | cat | tr a b; false | true | false; echo "${PIPESTATUS[@]}"; x=0; echo 5 | read x; echo $x
shopt -s lastpipe; echo 5 | read x; echo $x; shopt -u lastpipe; seq 100000 | while read -r n; do [ $n = 50000 ] && { echo found; break; }; done
yes | head -2; for i in 1 2 3; do echo $i; done | { read -r a; cat; echo "first $a"; }
f() { while read -r l; do echo "[$l]"; done; }; printf 'x\ny\n' | f | sort -r; v=$(seq 20000 | f | tail -1); echo $v
big=$(head -c 300000 /dev/zero | tr '\0' x); echo "$big" | wc -c; echo ${#big}; echo "$big" | { read -r l; echo ${#l}; }
{ echo out; echo err >&2; } 2>&1 | sort; true | (exit 3); echo $?; ! true | false; echo $?; echo z |& cat; wc -c <<< "$big"

# What PIPESTATUS has after a negation.
! true; echo "${PIPESTATUS[@]}"; ! [[ -n x ]]; echo "${PIPESTATUS[@]}"; ! ((0)); echo "${PIPESTATUS[@]}"
! (true); echo "${PIPESTATUS[@]}"; ! [[ -n x ]] >/dev/null; echo "${PIPESTATUS[@]}"; ! ((1)) >/dev/null; echo "${PIPESTATUS[@]}"
if ! [[ -n x ]]; then :; else echo "${PIPESTATUS[@]}"; fi; ! false | true; echo "${PIPESTATUS[@]}"
