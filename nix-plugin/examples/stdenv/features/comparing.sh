# diff and cmp: forms, folders, statuses.
mkdir -p a/sub b/sub; printf '%s\n' 1 2 3 4 5 6 7 8 9 > a/n; printf '%s\n' 1 2 three 4 5 6 7 8 9 10 > b/n
echo same | tee a/same > b/same; echo x > a/sub/only; printf 'no newline' > b/sub/text; printf 'no newline\n' > a/sub/text
{
    diff a/n b/n || echo "status $?"; diff -u --label old --label new a/n b/n || true; diff -q a/n b/n || true
    diff a/same b/same && echo identical; diff -r a b || true; diff -rq a b || true; diff -u --label a --label b a/sub/text b/sub/text || true
    diff -b <(echo "a  b") <(echo "a b") && echo "blanks do not count"; diff -i <(echo A) <(echo a) && echo "nor does case"
    cmp a/n b/n || echo "status $?"; cmp -s a/same b/same && echo same; cmp -l <(printf abc) <(printf axc) || true
} > $out
