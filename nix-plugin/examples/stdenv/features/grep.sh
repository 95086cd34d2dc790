# grep: kinds of patterns, contexts, lists of files, statuses.
printf '%s\n' alpha 'beta gamma' 'alpha.beta' 'x+y' '' 'Gamma 42' > one
printf '%s\n' delta alpha > two
{
    grep alpha one two; grep -v -e alpha -e '^$' one; grep -l alpha one two; grep -L gamma one two; grep -c a one two
    grep -n -i gamma one; grep -o -E '[a-z]+[.+][a-z]' one; grep -F 'x+y' one; grep -w beta one; grep -x alpha one
    grep -q nothing one || echo "status $?"; grep -s x none || echo "status $?"
    grep -h -m 1 a one two; grep -A 1 -B 1 -n 'alpha\.' one; grep -E '^(al|be)' one | grep -vE 'gamma|\.'
    grep -P '\d{2}$' one; grep -Pqe '^\s*$' one && echo "an empty line"; printf 'a\0b\0' | grep -z b | tr '\0' '\n'
    mkdir -p tree/sub; cp one tree/a.txt; cp two tree/sub/b.md; (cd tree; grep -r -l alpha . | sort; grep -rh --include='*.md' delta .)
    printf 'one\ntwo\n' > patterns; echo "two three" | grep -f patterns; grep -H -e '[[:upper:]]' one; grep -b -o 42 one
} > $out
