: {a,b{1..3},c}d {10..1..3} {a..e} ~/x a=~:~ $'\x41\u00e9\n' "q\"\$x" \\ $"t"
IFS=:; v=a:b::c; : $v "$v" $* "$*"; set -- $v; shift 2; set -f -u; shopt -s extglob nocasematch
case ab in a?(b|c)*) ;; [!x]b) ;; +([[:alpha:]])) ;; esac; [[ $v == *(a|:)* && -n $v || ! a < b ]]; [[ ab =~ ^(a)(b)?$ ]]
