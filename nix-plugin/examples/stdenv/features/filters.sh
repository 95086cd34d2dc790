# The rest of coreutils that build scripts call: columns, numbers, sums, dates, encodings.
printf '%s\n' 'alpha 1' 'beta 2' 'delta 4' > left; printf '%s\n' 'alpha one' 'gamma three' 'delta four' | sort > right
{
    paste left right; paste -s -d , left; comm left right; comm -12 <(cut -d ' ' -f 1 left) <(cut -d ' ' -f 1 right)
    join left right; join -a 1 -e - -o 0,1.2,2.2 left right; nl left; nl -b a -n rz -w 3 -s : left
    seq 3; seq -w 8 2 12; seq -s , 5 -2 1; expr 7 + 3 \* 2; expr length abcdef; expr substr abcdef 2 3; expr name.c : '\(.*\)\.c'
    fold -w 4 <<< abcdefghij; fold -s -w 8 <<< "words to fold here"; expand -t 4 <<< $'a\tb'; unexpand -a -t 4 <<< 'a       b'
    md5sum left; sha256sum < left; sha1sum left | cut -c 1-8; cksum left; base64 <<< "some text & more"; base64 -w 8 left | base64 -d | cmp - left
    sha256sum left right > sums; sha256sum --status -c sums && echo "sums hold"
    od -A d -t x1 left | head -n 1; od -c -N 6 left; stat -c '%s %F %a' left; stat -L -c %A .
    date -u -d @86400 +%Y-%m-%dT%H:%M:%SZ; date -u -d @"$SOURCE_DATE_EPOCH" -I; date -u -r left +%Z
    split -l 2 left part.; ls part.*; truncate -s 3 part.aa; cat part.aa; echo; tsort <<< "a b b c"; env printf '%03d %s\n' 7 seven
    printf "a b\n" | wc; wc < left; wc -l -c < left; cat left | wc -w; id -u; whoami; uname -s; timeout 9 echo in time; echo one two | xargs -n 1 printf '<%s>\n'; yes | head -n 2 || [ $? = 141 ]
} > $out
