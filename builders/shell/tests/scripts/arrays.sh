# Indexed and associative arrays: elements, slices, keys, appending, sparse indexes, unset.
a=(one 'two words' three)
printf '<%s>' "${a[@]}" "${a[*]}" "${#a[@]}" "${a[-1]}" "${a[@]:1:2}"; echo
a[7]=seven; a+=(eight); echo "${!a[@]}" "${#a[@]}"
unset 'a[1]'; echo "${!a[@]}"
declare -A m=([x]=1 [y z]=2 [foo]=3 [bar]=4 [a]=5 [b]=6 [c]=7)
m[x]+=0; echo "${m[x]}" "${m[y z]}" "${#m[@]}"
for k in "${!m[@]}"; do echo "$k -> ${m[$k]}"; done
declare -p a m
b=("${a[@]/o/0}"); echo "${b[@]}"; IFS=,; echo "${a[*]}"

# Names of what was declared and never assigned are not listed.
declare zz_a; export zz_b; declare -a zz_c; declare -a zz_d=(); zz_e=; declare -A zz_f; declare -A zz_g; zz_g[x]=1
echo "${!zz_*}"
