# awk: fields, patterns, arrays, functions, formats; and a named pipe between two programs.
printf '%s\n' 'root:0:/root' 'deploy:1000:/home/deploy' 'nginx:60:/var/empty' > users
{
    awk -F: '{ print $1, NF, NR }' users; awk -F: -v least=50 '$2 > least { n++; print toupper($1) } END { print n, "users" }' users
    awk -F: '{ home[$1] = $3 } END { for (u in home) print u "=" home[u] }' users | sort
    awk 'BEGIN { printf "%05.2f|%-6s|%x|%c|%d%%\n", 3.14159, "ab", 255, 65, 99.9 }'; awk 'BEGIN { print substr("abcdef", 2, 3), index("abc", "c"), length("four") }'
    awk '{ gsub(/o+/, "<&>"); sub(/^r/, "R"); print }' users; awk 'BEGIN { n = split("a b  c", part); print n, part[3]; print match("foobar", /o+b/), RSTART, RLENGTH }'
    awk '/^root/,/^nginx/ { if (/deploy/) next; print NR ": " $0 }' users; echo '3 4' | awk 'function area(w, h) { return w * h } { print area($1, $2), $1 ^ 2, $2 % 3, -7 % 3 }'
    awk 'BEGIN { while ((getline line < "users") > 0) last = line; print last; OFS = "-"; $0 = "x y z"; $2 = "Y"; print }'
    awk -f <(echo '{ total += length($0) } END { print total }') users; gawk 'BEGIN { print tolower("ABC") > "lower" }'; cat lower
    mkfifo pipe; { echo through; echo "a pipe"; } > pipe & tr a-z A-Z < pipe; wait; test -p pipe && stat -c %F pipe
} > $out
