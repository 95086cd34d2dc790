# Arithmetic: operators, bases, side effects, errors, overflow.
echo $((1+2*3)) $((2**10)) $((-7/2)) $((-7%2)) $((7>>1)) $((1<<62)) $((~5)) $((!0)) $((5&6|1^3))
echo $((0x1f)) $((017)) $((2#101)) $((36#zz)) $((64#_)) $((9223372036854775807+1))
i=5; echo $((i++ + ++i)) $i $((i+=3, i*=2)) $i $((i>3?1:0)) $((a=b=4)) $a $b
n=3+4; echo $((n*2)) $(($n*2)) $((n)); arr=(1 2 3); echo $((arr[1]+arr[2])) $((arr[0]++)) ${arr[0]}
for ((k=0;k<3;k++)); do echo -n $k; done; echo; ((0)) || echo false; ((1)) && echo true
let 'z = 3 * 4' z++; echo $z; echo $((1/0)); echo after
echo "status $?"; declare -i d=2*3; d+=4; echo $d; echo $(( 08 ))
a=(4 5 6 7) i=0; echo $((a[i++]++)) $i "${a[@]}"; ((a[i++] += 10)); echo $i "${a[@]}"; y=1; ((a[y] %= --y + 4)); echo "${a[@]}"
declare -A m; k=q; ((m[$k] += 4)); ((m[q]++)); echo "${m[q]}"; (echo $((+ k = 1))); echo $?
