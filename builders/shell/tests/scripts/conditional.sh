# [[ ]], test, regular expressions.
[[ abc == a* && ! x == y ]] && echo 1; [[ "a*" == "a*" ]] && echo 2; [[ abc == "a*" ]] || echo 3; [[ b > a && 10 -gt 9 ]] && echo 4
[[ foo123bar =~ ([a-z]+)([0-9]+)(.*) ]] && printf '<%s>' "${BASH_REMATCH[@]}"; echo; re='^a(b|c)d$'; [[ acd =~ $re ]] && echo 5; [[ a.c =~ a"."c ]] && echo 6; [[ abc =~ a"."c ]] || echo 7
[[ -n x && -z "" && -d / && ! -f / && -e /dev/null ]] && echo 8; v=1; [[ -v v && ! -v w ]] && echo 9; [ a = a -a b != c ] && echo 10; test -n "" ; echo $?; [ 1 -lt 2 ] && echo 11; [ ! ] ; echo $?; [ "(" ] && echo 12
shopt -s nocasematch; [[ ABC == abc ]] && echo 13; shopt -u nocasematch; [[ xxaabb =~ a+b* ]]; echo "${BASH_REMATCH[0]}"; [[ "a b" =~ a\ b ]] && echo 14
[ 1 -eq x ] 2>/dev/null; echo $?; touch -d 2001-01-01 o; touch -d 2002-01-01 n; [ n -nt o ] && echo 15; [[ $'\n' =~ [[:space:]] ]] && echo 16; [[ aXb == a[[:upper:]]b ]] && echo 17
