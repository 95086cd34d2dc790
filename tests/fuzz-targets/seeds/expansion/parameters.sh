x='a b/c.d' y=x; a=(1 "$x" [5]=q); declare -A m=([k]=v ['l m']=w)
: "${x#*/}" ${x%%.*} "${x//[a-c]/<&>}" ${x:1:3} "${x: -2}" "${!y}" "${a[@]/#/p}" "${a[*]:1}" "${!a[@]}"
: "${x@Q}" "${x^^[ab]}" ${u:-"d e"} "${u+s}" ${#a[@]} "${m[l m]}" "${!m[@]}" "${a[@]@A}" ${x@E} ${x@P}
declare -n r=x; r+=z; declare -i n=2+3; declare -u U=up; n+=4; readonly R=1; unset 'a[1]'
